import { PROBLEMS, type Problem } from "../core/errors.ts";

/** An answer before it is a Response: made once, with all its headers, as each one set afterwards costs several µs. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
}

const JSON_TYPE = { "content-type": "application/json" };
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };

/** A JSON answer. */
export const jsonAnswer = (value: object, status = 200): Reply => ({
  status,
  headers: JSON_TYPE,
  body: JSON.stringify(value),
});

/** A JSON answer whose text is already there: `data` of events is passed on as the bytes that were sent. */
export const jsonBytesAnswer = (body: Uint8Array<ArrayBuffer>): Reply => ({ status: 200, headers: JSON_TYPE, body });

/** Plain text, also none, for senders who expect no more than that. */
export const textAnswer = (body: string, status = 200): Reply => ({ status, headers: TEXT_TYPE, body });

export const noContent = (): Reply => ({ status: 204, headers: {}, body: null });

/** A problem as its document (RFC 9457), with the headers its status calls for. */
export function problemAnswer(refusal: Problem, requestId: string): Reply {
  const { code, detail, errors, extra, retryAfterSeconds, allow, challenge = "Bearer" } = refusal;
  const { status, title } = PROBLEMS[code];
  const headers = {
    "content-type": "application/problem+json",
    ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    ...(allow !== undefined && { allow: allow.join(", ") }),
    ...(status === 401 && { "www-authenticate": challenge }),
  };
  const document = { type: `/problems/${code}`, code, title, status, detail, requestId, errors, ...extra };
  return { status, headers, body: JSON.stringify(document) };
}
