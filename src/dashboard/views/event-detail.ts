import { type Child, fill, h } from "../dom.ts";
import { attemptResult, badge, code, foreign, longText, moment, pairs } from "../parts.ts";
import { poll } from "../poll.ts";
import { indented } from "../raw-json.ts";
import { formatBytes } from "../text.ts";
import type { AttemptSummary, DeliveryView, List, LoggedEvent } from "../types.ts";
import { linkTo, type View } from "../view.ts";

/** Indenting a text takes time and space; beyond this it is shown as it came. */
const INDENTED_MAX_CHARACTERS = 200_000;

const SETTLED: ReadonlySet<string> = new Set(["delivered", "dead", "cancelled"]);

interface EventDelivery extends DeliveryView {
  readonly subscription: string;
  readonly name: string;
}

/** An event with all that is known of it: its envelope, its data, and where it went. */
export function eventDetail(view: View, topic: string, { event, data }: LoggedEvent): Child {
  const optional = (["source", "subject", "correlationId", "causationId"] as const).flatMap((name) => {
    const value = event[name];
    return value === null ? [] : [[name, foreign(value)] as const];
  });
  return h(
    "div",
    { class: "columns" },
    h(
      "section",
      {},
      h("h3", {}, "Event"),
      pairs([
        ["id", code(event.id)],
        ["type", foreign(event.type)],
        ["key", event.key === null ? h("span", { class: "faint" }, "none") : foreign(event.key)],
        ["time", code(event.time)],
        ["received", code(event.receivedAt)],
        ["content type", foreign(event.contentType)],
        ["size", formatBytes(event.size)],
        ...optional,
        ...(event.cloudEventId === null ? [] : [["CloudEvent id", foreign(event.cloudEventId)] as const]),
      ]),
      ...named("Extensions", event.extensions),
      ...named("Headers", event.headers),
      h("h3", {}, "Deliveries"),
      followedDeliveries(view, topic, event.id),
    ),
    h(
      "section",
      {},
      h("h3", {}, data === null ? "Data (base64)" : "Data"),
      longText(shownData(event.dataBase64, data)),
    ),
  );
}

/** What came with it under names of others' choice; nothing where nothing did. */
function named(title: string, values: Readonly<Record<string, string | number | boolean>>): Child[] {
  const entries = Object.entries(values);
  if (entries.length === 0) return [];
  return [h("h3", {}, title), pairs(entries.map(([name, value]) => [name, foreign(String(value))] as const))];
}

function shownData(base64: string | undefined, data: string | null): string {
  if (data === null) return base64 ?? "";
  return data.length > INDENTED_MAX_CHARACTERS ? data : indented(data);
}

/** Where the event went, kept up to date until all is settled or the place it stands in is gone. */
function followedDeliveries(view: View, topic: string, event: string): HTMLElement {
  const path = `/v1/topics/${encodeURIComponent(topic)}/events/${event}/deliveries`;
  const place = h("div");
  const ended = new AbortController();
  let looks = 0;
  const look = async () => {
    looks += 1;
    if (looks > 1 && !place.isConnected) return ended.abort();
    const { data } = await view.api.get<List<EventDelivery>>(path, {}, view.signal);
    fill(place, deliveryList(data, event));
    if (data.every(({ state }) => SETTLED.has(state))) ended.abort();
  };
  void poll(look, view.failed, AbortSignal.any([view.signal, ended.signal]));
  return place;
}

function deliveryList(deliveries: readonly EventDelivery[], event: string): Child {
  if (deliveries.length === 0) return h("p", { class: "faint" }, "No subscription matches it.");
  return h(
    "ul",
    { class: "plain" },
    ...deliveries.map(({ subscription, name, state, attempts, lastAttempt }) => {
      const link = h("a", { href: linkTo("subscriptions", subscription, event) }, name);
      return h("li", {}, badge(state), " ", link, " ", tries(attempts, lastAttempt));
    }),
  );
}

function tries(attempts: number, last: AttemptSummary | null): Child {
  if (last === null) return h("span", { class: "faint" }, "not tried yet");
  const count = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return h("span", { class: "faint" }, `${count}, last `, attemptResult(last), " at ", moment(last.startedAt));
}
