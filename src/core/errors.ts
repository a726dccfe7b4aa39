/**
 * Every refusal the gateway can answer, with its status and title (RFC 9457). The code is the last part of the
 * problem's `type` URI. 400 = cannot be parsed, 422 = parsed but invalid.
 */
export const PROBLEMS = {
  "malformed-request": { status: 400, title: "The request cannot be parsed" },
  "malformed-json": { status: 400, title: "The body is not JSON" },
  "malformed-utf8": { status: 400, title: "The body is not UTF-8" },
  unauthenticated: { status: 401, title: "A valid key is needed" },
  "invalid-signature": { status: 401, title: "The signature is not valid" },
  forbidden: { status: 403, title: "The key lacks a scope" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  conflict: { status: 409, title: "Not possible in the present state" },
  "name-taken": { status: 409, title: "The name is taken" },
  "topic-has-subscriptions": { status: 409, title: "The topic has subscriptions" },
  "limit-reached": { status: 409, title: "A limit is reached" },
  "log-truncated": { status: 410, title: "The log no longer reaches back that far" },
  "offset-mismatch": { status: 412, title: "The log is not at the expected offset" },
  "too-large": { status: 413, title: "Too large" },
  "unsupported-media-type": { status: 415, title: "The content type is not accepted" },
  invalid: { status: 422, title: "The request is invalid" },
  "invalid-topic": { status: 422, title: "The topic name is invalid" },
  "invalid-url": { status: 422, title: "The URL may not be delivered to" },
  "idempotency-conflict": { status: 422, title: "The idempotency key was used for another request" },
  misconfigured: { status: 500, title: "The gateway is misconfigured" },
  internal: { status: 500, title: "Something went wrong inside the gateway" },
  overloaded: { status: 503, title: "Overloaded, try again" },
  unavailable: { status: 503, title: "Not available right now, try again" },
  "topic-full": { status: 507, title: "The topic is full" },
  loop: { status: 508, title: "The event went round in a loop" },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export interface Problem {
  readonly code: ProblemCode;
  /** For people; tells what to do next. Never a secret, a stack or an internal message. */
  readonly detail: string;
  /** RFC 6901 pointers as URI fragments (`#/0/data`) to what is wrong in the body. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  /** Extension members of the problem document, such as `nextOffset`. */
  readonly extra?: Readonly<Record<string, string | number>>;
  readonly retryAfterSeconds?: number;
  /** Only of `method-not-allowed`: the methods the path has, for the Allow header. */
  readonly allow?: readonly string[];
  /** Of a 401: how to authenticate, for the WWW-Authenticate header; `Bearer` where it is absent. */
  readonly challenge?: string;
}

export const problem = (code: ProblemCode, detail: string, more: Omit<Problem, "code" | "detail"> = {}): Problem => ({
  code,
  detail,
  ...more,
});
