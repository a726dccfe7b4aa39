import { fill, h } from "../dom.ts";
import { moment } from "../parts.ts";
import { poll } from "../poll.ts";
import { rawElements, rawMember } from "../raw-json.ts";
import { type Column, Rows } from "../rows.ts";
import { formatBytes, shortened } from "../text.ts";
import type { EventView, List, LoggedEvent, TopicView } from "../types.ts";
import { linkTo, type View } from "../view.ts";
import { eventDetail } from "./event-detail.ts";
import { publishForm } from "./publish.ts";

const PAGE_EVENTS = 50;
/** Followed for hours, a table would grow until the page crawls: the oldest rows go. */
const SHOWN_MAX_EVENTS = 500;
const PREVIEW_CHARACTERS = 160;

const COLUMNS: readonly Column<LoggedEvent>[] = [
  { title: "Offset", kind: "number", cell: ({ event }) => String(event.offset) },
  { title: "Received", kind: "tight", cell: ({ event }) => moment(event.receivedAt) },
  {
    title: "Type",
    kind: "tight",
    cell: ({ event }) => h("bdi", { class: "strong", title: event.type }, shortened(event.type, 40)),
  },
  {
    title: "Key",
    kind: "tight",
    cell: ({ event }) => (event.key === null ? null : h("bdi", { title: event.key }, shortened(event.key, 32))),
  },
  {
    title: "Data",
    kind: "wide",
    cell: ({ event, data }) =>
      h("code", { class: "preview" }, data === null ? event.contentType : shortened(data, PREVIEW_CHARACTERS)),
  },
  { title: "Size", kind: "number", cell: ({ event }) => formatBytes(event.size) },
];

/** The log of a topic, newest first, following; with a form to publish. */
export async function showLog(view: View, wanted: string | null): Promise<void> {
  const topics = await view.api.get<List<TopicView>>("/v1/topics", { limit: 200 }, view.signal);
  const topic = wanted ?? topics.data[0]?.name ?? null;
  if (topic === null) return showEmptyGateway(view);
  const log = new TopicLogView(view, topic);
  const follow = h(
    "button",
    { type: "button", onClick: () => fill(follow, log.toggleFollowing() ? "Pause" : "Follow") },
    "Pause",
  );
  const toolbar = h(
    "div",
    { class: "toolbar" },
    topicChooser(topics.data, topic),
    log.status,
    h("span", { class: "space" }),
    follow,
  );
  fill(
    view.main,
    toolbar,
    publishForm(view, topic, () => log.look()),
    log.rows.element,
    log.older,
  );
  await poll(() => log.lookIfFollowing(), view.failed, view.signal);
}

interface Page {
  readonly events: LoggedEvent[];
  readonly more: boolean;
  readonly firstOffset: number;
  readonly nextOffset: number;
}

/** What is shown of one topic's log: the newest events, and as many older ones as were asked for. */
class TopicLogView {
  readonly rows: Rows<LoggedEvent>;
  readonly status = h("span", { class: "faint live" });
  readonly older = h(
    "button",
    { type: "button", class: "older", onClick: () => void this.#view.act(() => this.#showOlder()) },
    "Older events",
  );
  readonly #view: View;
  readonly #path: string;
  #events: LoggedEvent[] = [];
  #following = true;

  constructor(view: View, topic: string) {
    this.#view = view;
    this.#path = `/v1/topics/${encodeURIComponent(topic)}/events`;
    this.older.hidden = true;
    this.rows = new Rows({
      columns: COLUMNS,
      key: ({ event }) => event.id,
      detail: async (logged) => eventDetail(view, topic, logged),
      empty: "No events yet.",
    });
  }

  toggleFollowing(): boolean {
    this.#following = !this.#following;
    this.status.classList.toggle("live", this.#following);
    return this.#following;
  }

  async lookIfFollowing(): Promise<void> {
    if (this.#following) await this.look();
  }

  /** Brings what is newer than the newest event shown. */
  async look(): Promise<void> {
    const newest = this.#events[0]?.event.offset;
    const fresh = newest === undefined ? null : await this.#read({ order: "asc", after: newest, limit: PAGE_EVENTS });
    if (fresh !== null && !fresh.more) {
      this.#events = [...fresh.events.toReversed(), ...this.#events].slice(0, SHOWN_MAX_EVENTS);
      this.#draw(fresh);
    } else {
      // The first look, or more has come than a page holds: begin at the newest, the rest is among the older ones.
      const page = await this.#read({ order: "desc", limit: PAGE_EVENTS });
      this.#events = page.events;
      this.#draw(page);
    }
    this.#view.succeeded();
  }

  async #showOlder(): Promise<void> {
    const oldest = this.#events.at(-1)?.event.offset;
    if (oldest === undefined) return;
    const page = await this.#read({ order: "desc", before: oldest, limit: PAGE_EVENTS });
    // Pressed twice, or begun anew in the meantime: this page does not join on to what is shown now.
    if (this.#events.at(-1)?.event.offset !== oldest) return;
    this.#events.push(...page.events);
    this.#draw(page);
  }

  async #read(query: Readonly<Record<string, string | number>>): Promise<Page> {
    const text = await this.#view.api.getText(this.#path, query, this.#view.signal);
    return {
      events: rawElements(rawMember(text, "data") ?? "[]").map(toLogged),
      more: rawMember(text, "next") !== "null",
      firstOffset: Number(rawMember(text, "firstOffset")),
      nextOffset: Number(rawMember(text, "nextOffset")),
    };
  }

  #draw({ firstOffset, nextOffset }: Page): void {
    this.rows.show(this.#events);
    fill(this.status, nextOffset === firstOffset ? "" : `offsets ${firstOffset} to ${nextOffset - 1}`);
    this.older.hidden = (this.#events.at(-1)?.event.offset ?? firstOffset) <= firstOffset;
  }
}

function toLogged(text: string): LoggedEvent {
  const { data: _data, ...event } = JSON.parse(text) as EventView & { data?: unknown };
  return { event, data: rawMember(text, "data") };
}

function topicChooser(topics: readonly TopicView[], chosen: string): HTMLElement {
  const names = new Set([chosen, ...topics.map((topic) => topic.name)]);
  const select = h(
    "select",
    { label: "Topic", onChange: () => location.assign(linkTo("topics", select.value)) },
    ...[...names].sort().map((name) => h("option", { value: name }, name)),
  );
  select.value = chosen;
  return select;
}

/** A new gateway: a topic comes with its first event, or with the demo. */
function showEmptyGateway(view: View): void {
  const seed = async () => {
    await view.api.post("/v1/demo", null, view.signal);
    location.assign(linkTo("topics", "orders"));
  };
  const demo = h("button", { type: "button", onClick: () => void view.act(seed) }, "Set up the demo");
  const published = (topic: string) => location.assign(linkTo("topics", topic));
  fill(
    view.main,
    h("p", { class: "empty" }, "No topics yet. Publish an event to make one, or set up the demo. ", demo),
    publishForm(view, null, published),
  );
}
