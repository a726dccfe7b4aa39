import type { Problem, ProblemCode } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import type { Call, Handler } from "./call.ts";
import { findSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";
import { findSource } from "./source-lookup.ts";

/** Refusals of what was sent, told before anybody has asked whether that which it is about is there. */
const REFUSALS: readonly ProblemCode[] = [
  ...(["malformed-request", "malformed-json", "malformed-utf8", "too-large", "unsupported-media-type"] as const),
  ...(["invalid", "invalid-url", "invalid-topic"] as const),
];

/**
 * For what is not there (or is another tenant's) the answer is 404, whatever was sent; only a refusal costs the look.
 */
const ofExisting =
  (find: (call: Call) => Promise<Result<unknown, Problem>>) =>
  (handler: Handler): Handler =>
  async (call) => {
    const answer = await handler(call);
    if (answer.ok || !REFUSALS.includes(answer.error.code)) return answer;
    const found = await find(call);
    return found.ok ? answer : found;
  };

export const ofSubscription = ofExisting(async (call) => {
  const idOrName = subscriptionIn(call);
  return idOrName.ok ? findSubscription(call, idOrName.value) : idOrName;
});

export const ofSource = ofExisting(findSource);
