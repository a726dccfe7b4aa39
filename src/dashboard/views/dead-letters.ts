import { fill, h } from "../dom.ts";
import { learnNames } from "../names.ts";
import { attemptResult, badge, moment, shortId } from "../parts.ts";
import { poll } from "../poll.ts";
import { type Column, Rows } from "../rows.ts";
import { shortened } from "../text.ts";
import type { DeadLetterView, List } from "../types.ts";
import { linkTo, type View } from "../view.ts";

const PAGE_LETTERS = 50;
const REASONS = ["exhausted", "aborted", "expired"];

/** The dead letters of the tenant, newest first. */
export async function showDeadLetters(view: View): Promise<void> {
  let pages = 1;
  const names = new Map<string, string>();
  const columns: readonly Column<DeadLetterView>[] = [
    { title: "Died", kind: "tight", cell: ({ deadAt }) => moment(deadAt) },
    {
      title: "Topic",
      kind: "tight",
      cell: ({ topic, offset }) => h("a", { href: linkTo("topics", topic) }, `${topic} #${offset}`),
    },
    {
      title: "Type",
      kind: "tight",
      cell: ({ type }) => h("bdi", { class: "strong", title: type }, shortened(type, 40)),
    },
    {
      title: "Event",
      kind: "tight",
      cell: ({ subscription, eventId }) =>
        h("a", { href: linkTo("subscriptions", subscription, eventId) }, shortId(eventId)),
    },
    {
      title: "Subscription",
      kind: "tight",
      cell: ({ subscription }) =>
        h("a", { href: linkTo("subscriptions", subscription) }, names.get(subscription) ?? shortId(subscription)),
    },
    { title: "URL", kind: "wide", cell: ({ url }) => h("bdi", { title: url }, url) },
    { title: "Reason", kind: "tight", cell: ({ reason }) => badge(reason) },
    { title: "Attempts", kind: "number", cell: ({ attempts }) => String(attempts) },
    { title: "Last answer", kind: "tight", cell: ({ lastAttempt }) => attemptResult(lastAttempt) },
  ];
  const reason = h(
    "select",
    { label: "Reason", onChange: () => void view.act(() => again(1)) },
    h("option", { value: "" }, "all reasons"),
    ...REASONS.map((one) => h("option", { value: one }, one)),
  );
  const older = h(
    "button",
    { type: "button", class: "older", onClick: () => void view.act(() => again(pages + 1)) },
    "Older letters",
  );
  const rows = new Rows<DeadLetterView>({
    columns,
    key: ({ subscription, eventId, deadAt }) => `${subscription} ${eventId} ${deadAt}`,
    empty: "No dead letters.",
  });

  async function look(): Promise<void> {
    const found: DeadLetterView[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages && (page === 0 || cursor !== null); page++) {
      const query = { limit: PAGE_LETTERS, cursor, reason: reason.value === "" ? null : reason.value };
      const list: List<DeadLetterView> = await view.api.get("/v1/dead-letters", query, view.signal);
      found.push(...list.data);
      cursor = list.next;
    }
    await learnNames(
      view,
      found.map(({ subscription }) => subscription),
      names,
    );
    rows.show(found);
    older.hidden = cursor === null;
    view.succeeded();
  }

  async function again(wantedPages: number): Promise<void> {
    pages = wantedPages;
    await look();
  }

  fill(view.main, h("div", { class: "toolbar" }, h("h1", {}, "Dead letters"), reason), rows.element, older);
  await poll(look, view.failed, view.signal);
}
