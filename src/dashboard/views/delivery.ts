import { fill, h } from "../dom.ts";
import { badge, code, foreign, moment, pairs } from "../parts.ts";
import { poll } from "../poll.ts";
import type { DeliveryDetail, SubscriptionView } from "../types.ts";
import { linkTo, type View } from "../view.ts";
import { attemptList } from "./attempts.ts";

/** The delivery of one event to one subscription. */
export async function showDelivery(view: View, id: string, event: string): Promise<void> {
  const path = `/v1/subscriptions/${encodeURIComponent(id)}`;
  const { name } = await view.api.get<SubscriptionView>(path, {}, view.signal);
  const head = h("section", { class: "card" });
  const attempts = h("div");
  let shown = "";

  fill(view.main, h("p", {}, h("a", { href: linkTo("subscriptions", id) }, `← ${name}`)), head, attempts);
  await poll(
    async () => {
      const text = await view.api.getText(`${path}/deliveries/${encodeURIComponent(event)}`, {}, view.signal);
      view.succeeded();
      // Drawn again only when something has changed: what is open stays open.
      if (text === shown) return;
      shown = text;
      const delivery = JSON.parse(text) as DeliveryDetail;
      fill(head, summary(delivery));
      fill(attempts, h("h2", {}, "Attempts"), attemptList(delivery.attempts));
    },
    view.failed,
    view.signal,
  );
}

const summary = (delivery: DeliveryDetail): HTMLElement =>
  h(
    "div",
    {},
    h("div", { class: "toolbar" }, h("h1", {}, foreign(delivery.type)), badge(delivery.state)),
    pairs([
      ["event", code(delivery.eventId)],
      ["topic", h("a", { href: linkTo("topics", delivery.topic) }, delivery.topic)],
      ["offset", String(delivery.offset)],
      ["key", delivery.key === null ? moment(null) : foreign(delivery.key)],
      ["next attempt", moment(delivery.nextAttemptAt)],
    ]),
  );
