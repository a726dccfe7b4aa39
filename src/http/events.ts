import { KEY_MAX_BYTES, LIST_CONCURRENCY_MAX } from "../core/limits.ts";
import { err, ok } from "../core/result.ts";
import { calling, subscription } from "../rpc/objects.ts";
import { jsonAnswer, jsonBytesAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { deliveryView } from "./delivery-view.ts";
import { eventJson, eventListJson } from "./event-json.ts";
import { inGroups } from "./in-groups.ts";
import { findSubscription, onTopic, whenAbsent } from "./lookup.ts";
import { eventIn, topicIn } from "./path.ts";
import { isNamePosition, isOffsetPosition } from "./query.ts";

/** `GET /v1/topics/{topic}/events`. */
export async function listEvents(call: Call): Promise<Answer> {
  const { query } = call;
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const list = `events/${call.tenant}/${topic.value}`;
  const order = query.oneOf("order", ["asc", "desc"]) ?? "asc";
  const position = query.cursor(list, isOffsetPosition);
  const after = query.offset("after");
  const before = query.offset("before");
  query.take("partition", (text) => (text === "0" ? 0 : null), "must be 0: this topic has one partition");
  const wanted = {
    // Where the list goes on takes the place of where it began.
    after: order === "asc" ? (position ?? after) : after,
    before: order === "desc" ? (position ?? before) : before,
    since: query.time("since"),
    until: query.time("until"),
    order,
    type: query.typePattern("type"),
    key: query.take("key", readKey, KEY_RULE),
    limit: query.limit(),
  } as const;
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  const read = await onTopic(call, topic.value, whenAbsent(topic.value), (log) => log.read(wanted));
  if (!read.ok) return read;
  const { events, firstOffset, nextOffset } = read.value;
  const next = query.next(list, read.value.next);
  return ok(jsonBytesAnswer(eventListJson(events, topic.value, { next, firstOffset, nextOffset })));
}

/** `GET /v1/topics/{topic}/events/{id}`. */
export async function getEvent(call: Call): Promise<Answer> {
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const id = eventIn(call);
  if (!id.ok) return id;
  const event = await onTopic(call, topic.value, whenAbsent(topic.value), (log) => log.event(id.value));
  return event.ok ? ok(jsonBytesAnswer(eventJson(event.value, topic.value))) : event;
}

/** `GET /v1/topics/{topic}/events/{id}/deliveries`: a row for each subscription that the event matches. */
export async function listEventDeliveries(call: Call): Promise<Answer> {
  const { env, tenant, query } = call;
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const id = eventIn(call);
  if (!id.ok) return id;
  const list = `event-deliveries/${tenant}/${topic.value}/${id.value}`;
  const after = query.cursor(list, isNamePosition);
  const limit = query.limit();
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  const matching = await onTopic(call, topic.value, whenAbsent(topic.value), (log) =>
    log.matching(id.value, after, limit),
  );
  if (!matching.ok) return matching;
  const { subscriptions, offset } = matching.value;
  const rows = await inGroups(subscriptions, LIST_CONCURRENCY_MAX, async (subscriptionId) => ({
    entry: await findSubscription(call, subscriptionId),
    delivery: await calling(() => subscription(env, tenant, subscriptionId).deliveryAt(offset)),
  }));
  const data = [];
  for (const { entry, delivery } of rows) {
    for (const part of [entry, delivery]) if (!part.ok && part.error.code !== "not-found") return part;
    // Deleted since it was matched: it has no deliveries any more.
    if (!entry.ok || !delivery.ok || delivery.value === null) continue;
    const { id: subscriptionId, name } = entry.value;
    data.push({ subscription: subscriptionId, name, ...deliveryView(delivery.value, topic.value) });
  }
  return ok(jsonAnswer({ data, next: query.next(list, matching.value.next) }));
}

export const KEY_RULE = `must be 1 to ${KEY_MAX_BYTES} bytes`;

/** The ordering key in a query. */
export function readKey(text: string): string | null {
  const { byteLength } = new TextEncoder().encode(text);
  return byteLength >= 1 && byteLength <= KEY_MAX_BYTES ? text : null;
}
