import { PROBLEMS, type ProblemCode, problem } from "../core/errors.ts";
import { err, ok } from "../core/result.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { parameter } from "./path.ts";

/** What each problem means and what to do about it: the page its `type` leads to. */
const EXPLANATIONS: Readonly<Record<ProblemCode, string>> = {
  "malformed-request": "The request could not be read to its end. Send it again, whole.",
  "malformed-json":
    "The body is not JSON as RFC 8259 defines it: look for trailing commas, comments, NaN or a byte order mark.",
  "malformed-utf8": "The body has bytes that are not UTF-8. Encode it as UTF-8.",
  unauthenticated: "The request has no key, or one that is not valid. Send 'Authorization: Bearer <key>'.",
  "invalid-signature":
    "The signature, token or password of the request is not one of this source's secrets, is missing, or is too old. Compare the secret, and send the body unchanged.",
  forbidden: "The key is valid but lacks the scope named in the detail. Use a key that has it.",
  "not-found": "There is nothing under this path for this tenant. What belongs to another tenant answers the same.",
  "method-not-allowed": "The path exists, but not with this method. The header Allow lists those it has.",
  conflict: "The resource is in a state in which this cannot be done. The detail names the state.",
  "name-taken": "Another resource of the tenant has this name. Choose another, or update that one.",
  "topic-has-subscriptions":
    "The topic has subscriptions that would end with it. Delete them first, or add ?force=true.",
  "limit-reached": "A count is at its limit. The detail names it, and says how to get below it.",
  "log-truncated":
    "Events below 'firstOffset' have passed the retention of their topic. Start at 'firstOffset' or later.",
  "offset-mismatch": "The event would not have got the expected offset. 'nextOffset' is the one it would get now.",
  "too-large": "The request, or an event in it, is larger than the limit named in the detail. Split it.",
  "unsupported-media-type": "The content type, charset or content encoding is not accepted. The detail names what is.",
  invalid: "The request was read but breaks a rule. The detail and 'errors' name the place and the rule.",
  "invalid-topic": "The name cannot be that of a topic, or not of one of yours. The detail has the rule.",
  "invalid-url": "Events cannot be delivered to this URL. The detail has the rule.",
  "idempotency-conflict":
    "The idempotency key was used within 24 hours for other content. Use a new key for new content.",
  misconfigured:
    "The gateway was started with a missing or malformed variable, named in the detail. Its operator has to set it.",
  internal: "A fault of the gateway. Its log has the line of the 'requestId'.",
  overloaded: "More was asked than can be done right now. Send it again after the time in Retry-After.",
  unavailable:
    "A part of the gateway did not answer. Send it again; with an idempotency key nothing is appended twice.",
  "topic-full":
    "The topic has reached the size at which it takes no more. Shorten its retention, or use another topic.",
  loop: "The event came back to the gateway too many times. Find the subscriptions that pass it round.",
};

const isCode = (text: string): text is ProblemCode => Object.hasOwn(PROBLEMS, text);

/** `GET /problems/{code}`. */
export async function getProblem(call: Call): Promise<Answer> {
  const code = parameter(call, "code") ?? "";
  if (!isCode(code)) return err(problem("not-found", "There is no such problem."));
  return ok(jsonAnswer({ type: `/problems/${code}`, code, ...PROBLEMS[code], explanation: EXPLANATIONS[code] }));
}
