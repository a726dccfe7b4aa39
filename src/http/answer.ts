import { PROBLEMS, type Problem } from "../core/errors.ts";

/** A JSON answer. */
export function jsonAnswer(value: unknown, status = 200): Response {
  return Response.json(value, { status });
}

/** A JSON answer whose text is already there: `data` of events is passed on as the bytes that were sent. */
export function jsonBytesAnswer(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(bytes, { headers: { "content-type": "application/json" } });
}

/** Plain text, also none, for senders who expect no more than that. */
export const textAnswer = (text: string, status = 200): Response =>
  new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });

export const noContent = (): Response => new Response(null, { status: 204 });

/** A problem as its document (RFC 9457), with the headers its status calls for. */
export function problemAnswer(refusal: Problem, requestId: string): Response {
  const { code, detail, errors, extra, retryAfterSeconds, allow, challenge = "Bearer" } = refusal;
  const { status, title } = PROBLEMS[code];
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(retryAfterSeconds));
  if (allow !== undefined) headers.set("allow", allow.join(", "));
  if (status === 401) headers.set("www-authenticate", challenge);
  const document = { type: `/problems/${code}`, code, title, status, detail, requestId, errors, ...extra };
  return new Response(JSON.stringify(document), { status, headers });
}
