import type { ProblemCode } from "../core/errors.ts";
import type { Handler } from "./call.ts";
import { findSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";

/** Refusals of what was sent, told before anybody has asked whether that which it is about is there. */
const REFUSALS: readonly ProblemCode[] = [
  ...(["malformed-request", "malformed-json", "malformed-utf8", "too-large", "unsupported-media-type"] as const),
  ...(["invalid", "invalid-url"] as const),
];

/**
 * For a subscription that is not there (or is another tenant's) the answer is 404, whatever was sent; only a refusal
 * costs the look.
 */
export const ofSubscription =
  (handler: Handler): Handler =>
  async (call) => {
    const answer = await handler(call);
    if (answer.ok || !REFUSALS.includes(answer.error.code)) return answer;
    const idOrName = subscriptionIn(call);
    if (!idOrName.ok) return answer;
    const found = await findSubscription(call, idOrName.value);
    return found.ok ? answer : found;
  };
