import { type Child, h } from "../dom.ts";
import { attemptResult, badge, code, foreign, longText, moment, pairs } from "../parts.ts";
import { indented } from "../raw-json.ts";
import { formatBytes } from "../text.ts";
import type { DeliveryView, List, LoggedEvent } from "../types.ts";
import { linkTo, type View } from "../view.ts";

/** Indenting a text takes time and space; beyond this it is shown as it came. */
const INDENTED_MAX_CHARACTERS = 200_000;

interface EventDelivery extends DeliveryView {
  readonly subscription: string | { readonly id: string; readonly name: string };
}

/** An event with all that is known of it: its envelope, its data, and where it went. */
export async function eventDetail(view: View, topic: string, { event, data }: LoggedEvent): Promise<Child> {
  const path = `/v1/topics/${encodeURIComponent(topic)}/events/${event.id}/deliveries`;
  const deliveries = await view.api.get<List<EventDelivery>>(path, {}, view.signal).catch((thrown: unknown) => {
    view.failed(thrown);
    return null;
  });
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
      ]),
      h("h3", {}, "Deliveries"),
      deliveries === null ? null : deliveryList(deliveries.data, event.id),
    ),
    h(
      "section",
      {},
      h("h3", {}, data === null ? "Data (base64)" : "Data"),
      longText(shownData(event.dataBase64, data)),
    ),
  );
}

function shownData(base64: string | undefined, data: string | null): string {
  if (data === null) return base64 ?? "";
  return data.length > INDENTED_MAX_CHARACTERS ? data : indented(data);
}

function deliveryList(deliveries: readonly EventDelivery[], event: string): Child {
  if (deliveries.length === 0) return h("p", { class: "faint" }, "No subscription matches it.");
  return h(
    "ul",
    { class: "plain" },
    ...deliveries.map(({ subscription, state, attempts, lastAttempt }) => {
      const { id, name } = typeof subscription === "string" ? { id: subscription, name: subscription } : subscription;
      const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
      return h(
        "li",
        {},
        badge(state),
        " ",
        h("a", { href: linkTo("subscriptions", id, event) }, name),
        h(
          "span",
          { class: "faint" },
          ` ${tries}, last `,
          attemptResult(lastAttempt),
          " ",
          moment(lastAttempt?.startedAt ?? null),
        ),
      );
    }),
  );
}
