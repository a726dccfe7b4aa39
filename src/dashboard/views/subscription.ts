import { type Child, fill, h } from "../dom.ts";
import { attemptResult, badge, code, foreign, moment, pairs } from "../parts.ts";
import { poll } from "../poll.ts";
import { type Column, Rows } from "../rows.ts";
import { formatSeconds, shortened } from "../text.ts";
import type { DeliveryDetail, DeliveryView, List, SubscriptionView } from "../types.ts";
import { linkTo, type View } from "../view.ts";
import { attemptList } from "./attempts.ts";
import { stateOf, switchButton } from "./subscriptions.ts";

const PAGE_DELIVERIES = 50;
const STATES = ["pending", "delivering", "retrying", "held", "delivered", "dead", "cancelled"];

const COLUMNS: readonly Column<DeliveryView>[] = [
  { title: "Offset", kind: "number", cell: ({ offset }) => String(offset) },
  { title: "Type", kind: "tight", cell: ({ type }) => h("bdi", { class: "strong", title: type }, shortened(type, 40)) },
  {
    title: "Key",
    kind: "wide",
    cell: ({ key }) => (key === null ? null : h("bdi", { title: key }, shortened(key, 32))),
  },
  { title: "State", kind: "tight", cell: ({ state }) => badge(state) },
  { title: "Attempts", kind: "number", cell: ({ attempts }) => String(attempts) },
  { title: "Last answer", kind: "tight", cell: ({ lastAttempt }) => attemptResult(lastAttempt) },
  { title: "Last attempt", kind: "tight", cell: ({ lastAttempt }) => moment(lastAttempt?.startedAt ?? null) },
  { title: "Next attempt", kind: "tight", cell: ({ nextAttemptAt }) => moment(nextAttemptAt) },
];

/** One subscription: how it is set up, how it is, and its deliveries with their attempts. */
export async function showSubscription(view: View, id: string): Promise<void> {
  const path = `/v1/subscriptions/${encodeURIComponent(id)}`;
  const head = h("div");
  let pages = 1;
  const state = h(
    "select",
    { label: "State", onChange: () => void view.act(() => again(1)) },
    h("option", { value: "" }, "all states"),
    ...STATES.map((one) => h("option", { value: one }, one)),
  );
  const older = h(
    "button",
    { type: "button", class: "older", onClick: () => void view.act(() => again(pages + 1)) },
    "Older deliveries",
  );
  const rows = new Rows<DeliveryView>({
    columns: COLUMNS,
    key: ({ eventId }) => eventId,
    detail: (delivery) => loadAttempts(view, path, delivery),
    empty: "No deliveries.",
  });

  async function look(): Promise<void> {
    const subscription = await view.api.get<SubscriptionView>(path, {}, view.signal);
    fill(head, summary(view, subscription, look));
    const found: DeliveryView[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages && (page === 0 || cursor !== null); page++) {
      const query = { limit: PAGE_DELIVERIES, cursor, state: state.value === "" ? null : state.value };
      const list: List<DeliveryView> = await view.api.get(`${path}/deliveries`, query, view.signal);
      found.push(...list.data);
      cursor = list.next;
    }
    rows.show(found);
    older.hidden = cursor === null;
    view.succeeded();
  }

  async function again(wantedPages: number): Promise<void> {
    pages = wantedPages;
    await look();
  }

  fill(view.main, head, h("div", { class: "toolbar" }, h("h2", {}, "Deliveries"), state), rows.element, older);
  await poll(look, view.failed, view.signal);
}

async function loadAttempts(view: View, path: string, { eventId }: DeliveryView): Promise<Child> {
  try {
    const detail = await view.api.get<DeliveryDetail>(`${path}/deliveries/${eventId}`, {}, view.signal);
    return attemptList(detail.attempts);
  } catch (thrown) {
    view.failed(thrown);
    return h("p", { class: "empty" }, "The attempts could not be loaded.");
  }
}

function summary(view: View, subscription: SubscriptionView, look: () => Promise<void>): HTMLElement {
  const { name, topic, url, description, filter, ordering, format, retry, health, lag } = subscription;
  const types = filter === null || filter.types.length === 0 ? "every type" : filter.types.join(", ");
  const schedule = retry.scheduleSeconds.length === 0 ? "none" : retry.scheduleSeconds.map(formatSeconds).join(", ");
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "toolbar" },
      h("h1", {}, name),
      stateOf(subscription),
      h("span", { class: "space" }),
      switchButton(view, subscription, look),
    ),
    description === "" ? null : h("p", {}, foreign(description)),
    h(
      "div",
      { class: "columns" },
      pairs([
        ["id", code(subscription.id)],
        ["topic", h("a", { href: linkTo("topics", topic) }, topic)],
        ["url", foreign(url)],
        ["events", foreign(types)],
        ["order, format", `${ordering}, ${format}`],
        ["retries after", schedule],
      ]),
      pairs([
        ["lag", String(lag)],
        ["oldest unsettled", moment(subscription.oldestUnsettledAt)],
        ["failures in a row", String(health.consecutiveFailures)],
        ["last success", moment(health.lastSuccessAt)],
        ["last failure", moment(health.lastFailureAt)],
        ["last error", health.lastError === null ? moment(null) : foreign(health.lastError.message)],
        ...(health.nextProbeAt === null ? [] : [["next probe", moment(health.nextProbeAt)] as const]),
      ]),
    ),
  );
}
