import { type Problem, problem } from "../core/errors.ts";
import { decodeEventId } from "../core/ids.ts";
import { isSubscriptionId, isSubscriptionName, parseTopicName } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Call } from "./call.ts";

/** The topic in the path. `gatewayTopics`: whether `sluice.*` may be used here. */
export const topicIn = (call: Call, gatewayTopics: "allowed" | "refused"): Result<string, Problem> =>
  parseTopicName(parameter(call, "topic") ?? "", gatewayTopics);

/** The event id in the path. What cannot be one names no event: 404, as for an id never given out. */
export function eventIn(call: Call): Result<string, Problem> {
  const id = parameter(call, "event");
  return id !== null && decodeEventId(id) !== null ? ok(id) : err(noSuchEvent());
}

/** The id or name of a subscription in the path. What cannot be either names none: 404. */
export function subscriptionIn(call: Call): Result<string, Problem> {
  const idOrName = parameter(call, "subscription") ?? "";
  return isSubscriptionId(idOrName) || isSubscriptionName(idOrName) ? ok(idOrName) : err(noSuchSubscription());
}

export const noSuchEvent = (): Problem => problem("not-found", "There is no such event here.");
export const noSuchSubscription = (): Problem => problem("not-found", "There is no such subscription.");
export const noSuchTopic = (): Problem => problem("not-found", "There is no such topic. Create it with PUT.");

/** Decoded exactly once, so that `%252F` stays `%2F` and is judged as such; null where the encoding is malformed. */
export function parameter(call: Call, name: string): string | null {
  try {
    return decodeURIComponent(call.params[name] ?? "");
  } catch {
    return null;
  }
}
