import { err, ok } from "../core/result.ts";
import type { SubscriptionEntry } from "../directory/rpc.ts";
import type { DeliveryState } from "../subscription/rpc.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { deliveryDetail, deliveryView } from "./delivery-view.ts";
import { requireNoDocument } from "./documents.ts";
import { findSubscription, onSubscription } from "./lookup.ts";
import { eventIn, subscriptionIn } from "./path.ts";
import { isOffsetPosition } from "./query.ts";

const STATES: readonly DeliveryState[] = [
  "pending",
  "delivering",
  "retrying",
  "held",
  "delivered",
  "dead",
  "cancelled",
];

/** `GET /v1/subscriptions/{id}/deliveries`, newest first. */
export async function listDeliveries(call: Call): Promise<Answer> {
  const { query } = call;
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const entry = await findSubscription(call, idOrName.value);
  if (!entry.ok) return entry;
  const list = `deliveries/${call.tenant}/${entry.value.id}`;
  const wanted = {
    state: query.oneOf("state", STATES),
    type: query.typePattern("type"),
    since: query.time("since"),
    until: query.time("until"),
    before: query.cursor(list, isOffsetPosition),
    limit: query.limit(),
  };
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  const page = await onSubscription(call, idOrName.value, (subscription) => subscription.deliveries(wanted));
  if (!page.ok) return page;
  const data = page.value.deliveries.map((delivery) => deliveryView(delivery, entry.value.topic));
  return ok(jsonAnswer({ data, next: query.next(list, page.value.next) }));
}

/** `GET /v1/subscriptions/{id}/deliveries/{eventId}`. */
export async function getDelivery(call: Call): Promise<Answer> {
  const place = placeOf(call);
  if (!place.ok) return place;
  const { subscription, event } = place.value;
  const found = await onSubscription(call, subscription, async (object, entry) => {
    const delivery = await object.delivery(event);
    return delivery.ok ? ok(view(delivery.value, entry)) : delivery;
  });
  return found.ok ? ok(jsonAnswer(found.value)) : found;
}

/** `POST .../deliveries/{eventId}/retry`: 202, one attempt now. */
export const retryDelivery = (call: Call): Promise<Answer> => act(call, "retry", 202);

/** `POST .../deliveries/{eventId}/cancel`: 200, settled. */
export const cancelDelivery = (call: Call): Promise<Answer> => act(call, "cancel", 200);

async function act(call: Call, action: "retry" | "cancel", status: number): Promise<Answer> {
  const place = placeOf(call);
  if (!place.ok) return place;
  const body = await requireNoDocument(call.request);
  if (!body.ok) return body;
  const { subscription, event } = place.value;
  const done = await onSubscription(call, subscription, async (object, entry) => {
    const delivery = await (action === "retry" ? object.retry(event) : object.cancel(event));
    return delivery.ok ? ok(view(delivery.value, entry)) : delivery;
  });
  return done.ok ? ok(jsonAnswer(done.value, status)) : done;
}

function placeOf(call: Call) {
  const subscription = subscriptionIn(call);
  if (!subscription.ok) return subscription;
  const event = eventIn(call);
  if (!event.ok) return event;
  return ok({ subscription: subscription.value, event: event.value });
}

const view = (delivery: Parameters<typeof deliveryDetail>[0], { topic }: SubscriptionEntry) =>
  deliveryDetail(delivery, topic);
