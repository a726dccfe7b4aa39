import { fill, h } from "../dom.ts";
import { badge, foreign, moment } from "../parts.ts";
import { poll } from "../poll.ts";
import { type Column, Rows } from "../rows.ts";
import type { List, SubscriptionView } from "../types.ts";
import { linkTo, type View } from "../view.ts";

const PAGE_SUBSCRIPTIONS = 100;

/** Pauses an active subscription, resumes any other. */
export function switchButton(view: View, subscription: SubscriptionView, done: () => Promise<void>): HTMLElement {
  const action = subscription.state === "active" ? "pause" : "resume";
  const button = h("button", { type: "button" }, action === "pause" ? "Pause" : "Resume");
  const press = async () => {
    await view.api.post(`/v1/subscriptions/${encodeURIComponent(subscription.id)}/${action}`, null, view.signal);
    await done();
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    await view.act(press);
    button.disabled = false;
  });
  return button;
}

/** All subscriptions of the tenant with how they are. */
export async function showSubscriptions(view: View): Promise<void> {
  let pages = 1;
  const more = h("button", { type: "button", class: "older", onClick: () => void view.act(showMore) }, "More");
  const columns: readonly Column<SubscriptionView>[] = [
    {
      title: "Name",
      kind: "tight",
      cell: ({ id, name }) => h("a", { href: linkTo("subscriptions", id), class: "strong" }, name),
    },
    { title: "Topic", kind: "tight", cell: ({ topic }) => h("a", { href: linkTo("topics", topic) }, topic) },
    { title: "URL", kind: "wide", cell: ({ url }) => h("bdi", { title: url }, url) },
    { title: "State", kind: "tight", cell: (subscription) => stateOf(subscription) },
    { title: "Lag", kind: "number", cell: ({ lag }) => String(lag) },
    { title: "Last success", kind: "tight", cell: ({ health }) => moment(health.lastSuccessAt) },
    { title: "Last failure", kind: "tight", cell: ({ health }) => moment(health.lastFailureAt) },
    { title: "", kind: "tight", cell: (subscription) => switchButton(view, subscription, look) },
  ];
  const rows = new Rows<SubscriptionView>({ columns, key: ({ id }) => id, empty: "No subscriptions yet." });

  async function look(): Promise<void> {
    const found: SubscriptionView[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages && (page === 0 || cursor !== null); page++) {
      const query = { limit: PAGE_SUBSCRIPTIONS, cursor };
      const list: List<SubscriptionView> = await view.api.get("/v1/subscriptions", query, view.signal);
      found.push(...list.data);
      cursor = list.next;
    }
    rows.show(found);
    more.hidden = cursor === null;
    view.succeeded();
  }

  async function showMore(): Promise<void> {
    pages += 1;
    await look();
  }

  fill(view.main, h("h1", {}, "Subscriptions"), rows.element, more);
  await poll(look, view.failed, view.signal);
}

/** The state, and the health only where it says more. */
export function stateOf({ state, disabledReason, health }: SubscriptionView): HTMLElement {
  const failing = health.state === "failing" ? badge("failing") : null;
  const reason = disabledReason === null ? null : foreign(` ${disabledReason}`);
  return h("span", { class: "states" }, badge(state), failing, reason);
}
