import { problem } from "../core/errors.ts";
import { ERASE_CALLS_MAX } from "../core/limits.ts";
import { err, ok } from "../core/result.ts";
import { jsonAnswer, jsonBytesAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { eventJson } from "./event-json.ts";
import { KEY_RULE, readKey } from "./events.ts";
import { onTopic } from "./lookup.ts";
import { eventIn, noSuchTopic, topicIn } from "./path.ts";
import { isOffsetPosition } from "./query.ts";

/** Nobody erases a whole topic by leaving the key out. */
const NOT_ALL = problem("method-not-allowed", "Only the events of one key can be erased here: add ?key=.", {
  allow: ["POST", "GET", "HEAD"],
});

/** `DELETE /v1/topics/{topic}/events/{id}`: its payload is erased, wherever it is kept. */
export async function eraseEvent(call: Call): Promise<Answer> {
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const id = eventIn(call);
  if (!id.ok) return id;
  const event = await onTopic(call, topic.value, noSuchTopic(), (log) => log.erase(id.value));
  return event.ok ? ok(jsonBytesAnswer(eventJson(event.value, topic.value))) : event;
}

/** `DELETE /v1/topics/{topic}/events?key=`: the payloads of all events of a key, and where to go on if there are very many. */
export async function eraseKey(call: Call): Promise<Answer> {
  const { query } = call;
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const list = `erase/${call.tenant}/${topic.value}`;
  const key = query.take("key", readKey, KEY_RULE);
  const from = query.cursor(list, isOffsetPosition);
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);
  if (key === null) return err(NOT_ALL);

  let events = 0;
  let next: number | null = from ?? 0;
  for (let calls = 0; next !== null && calls < ERASE_CALLS_MAX; calls += 1) {
    const after: number = next;
    const erased = await onTopic(call, topic.value, noSuchTopic(), (log) => log.eraseKey({ key, after }));
    if (!erased.ok) return erased;
    events += erased.value.events;
    next = erased.value.next;
  }
  return ok(jsonAnswer({ topic: topic.value, key, erased: next === null, events, next: query.next(list, next) }));
}
