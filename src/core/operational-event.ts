import type { AppendRequest } from "./event.ts";
import { formatRfc3339 } from "./time.ts";

/** The tenant's topic of operational events (API clause 7.7). Nothing is published about its own subscriptions, nor about itself. */
export const EVENTS_TOPIC = "sluice.events";

export interface OperationalEvent {
  readonly type:
    | "delivery.dead"
    | "subscription.failing"
    | "subscription.recovered"
    | "subscription.disabled"
    | "subscription.expiring"
    | "topic.filling";
  /** Names what happened: told again after a crash, it has the same one, and is appended once. */
  readonly happening: string;
  /** Unix ms. */
  readonly at: number;
  /** null: it is about the topic. */
  readonly subscription: { readonly id: string; readonly name: string } | null;
  readonly topic: string;
  readonly eventId?: string | null;
  readonly reason?: string | null;
}

const encoder = new TextEncoder();

/** What is to be appended, in this order. A happening that is there twice (a queue repeats messages) is taken once. */
export function operationalAppend(events: readonly OperationalEvent[]): AppendRequest {
  const unique = new Map(events.map((event) => [event.happening, event]));
  return {
    events: [...unique.values()].map((event) => ({
      type: event.type,
      // In order, whoever it is about: recovered comes after failing.
      key: event.subscription?.id ?? event.topic,
      time: formatRfc3339(event.at),
      ...{ source: null, subject: null, correlationId: null, causationId: null },
      ...{ cloudEvent: null, headers: null, hops: 0 },
      contentType: "application/json",
      data: encoder.encode(JSON.stringify(dataOf(event))),
      // Whatever the bytes: told again, it may be by another release, in other words.
      idempotency: { key: event.happening, fingerprint: null },
    })),
    ...{ idempotency: null, requestId: null, expectedOffset: null },
  };
}

const dataOf = ({ subscription, topic, eventId = null, reason = null }: OperationalEvent) => ({
  ...(subscription !== null && { subscription: { id: subscription.id, name: subscription.name } }),
  topic,
  ...(eventId !== null && { eventId }),
  ...(reason !== null && { reason }),
});
