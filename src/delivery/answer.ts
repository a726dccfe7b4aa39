import { RESPONSE_BODY_MAX_BYTES, RESPONSE_HEADER_MAX_CHARACTERS, RESPONSE_HEADERS_MAX } from "../core/limits.ts";
import type { AttemptErrorCode, SendResult } from "../subscription/rpc.ts";

type Instruction = Extract<SendResult, { kind: "answered" | "failed" }>["instruction"];

/** What a status says (API clause 6.3): null is success. */
export function errorOfStatus(status: number): { code: AttemptErrorCode; message: string } | null {
  if (status >= 200 && status <= 299) return null;
  if (status < 200) return { code: "response", message: `The subscriber answered ${status}, which ends no request.` };
  if (status <= 399) {
    return { code: "redirect", message: `The subscriber answered ${status}; redirects are not followed.` };
  }
  return { code: "status", message: `The subscriber answered ${status}.` };
}

/** What a subscriber asks for with `webhook-delivery` on an answer that is no success. */
export function instructionOf(headers: Headers): Instruction {
  const value = headers.get("webhook-delivery")?.trim().toLowerCase();
  return value === "disable" || value === "abort-message" ? value : null;
}

const encoder = new TextEncoder();

/**
 * The first RESPONSE_HEADERS_MAX headers, long values cut. Those that as JSON text would be more than RESPONSE_BODY_MAX_BYTES
 * together are left out, so that a row of the delivery log has room for the answers of all its sends, whatever they say.
 * Cookies are credentials of the subscriber's and hidden.
 */
export function keptHeaders(headers: Headers): Record<string, string> {
  // Not a list: cookies come one by one, under one name.
  const shown = new Map<string, string>();
  let characters = 0;
  // Each step of an iterator is an object that the runtime makes; what is beyond the most is passed over.
  headers.forEach((value, name) => {
    if (shown.size === RESPONSE_HEADERS_MAX) return;
    const one = shownValue(name, value);
    characters += name.length + one.length;
    shown.set(name, one);
  });
  // So few that they fit whatever JSON makes of them, as those of nearly every answer.
  if (characters * JSON_BYTES_PER_CHARACTER + shown.size * JSON_BYTES_PER_PAIR <= RESPONSE_BODY_MAX_BYTES) {
    return Object.fromEntries(shown);
  }
  return Object.fromEntries(fitting(headers));
}

/** The most JSON makes of one UTF-16 unit: `\u0000`. */
const JSON_BYTES_PER_CHARACTER = 6;
/** `["",""]` */
const JSON_BYTES_PER_PAIR = 7;

function fitting(headers: Headers): Map<string, string> {
  const kept = new Map<string, string>();
  let room = RESPONSE_BODY_MAX_BYTES;
  for (const [name, value] of headers) {
    if (kept.size === RESPONSE_HEADERS_MAX) break;
    const shown = shownValue(name, value);
    const { byteLength } = encoder.encode(JSON.stringify([name, shown]));
    if (byteLength > room) continue;
    room -= byteLength;
    kept.set(name, shown);
  }
  return kept;
}

const shownValue = (name: string, value: string): string =>
  name === "set-cookie" ? "***" : value.slice(0, RESPONSE_HEADER_MAX_CHARACTERS);

export interface KeptBody {
  readonly body: string;
  /** Not all of it: it was longer than what is kept, broke off, could not be decoded, or outlasted the deadline. */
  readonly truncated: boolean;
}

/**
 * Reads a body until its end, RESPONSE_BODY_MAX_BYTES or the abort of its request, whichever comes first, and never
 * throws: the head has already decided the attempt. What is not read is cancelled, so that no connection stays open.
 */
export async function readBody(body: ReadableStream<Uint8Array> | null): Promise<KeptBody> {
  if (body === null) return { body: "", truncated: false };
  const reader = body.getReader();
  // Made when there is something to decode: most answers are empty.
  let decoder: TextDecoder | null = null;
  let text = "";
  let room = RESPONSE_BODY_MAX_BYTES;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { body: text + (decoder?.decode() ?? ""), truncated: false };
      decoder ??= new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
      text += decoder.decode(value.subarray(0, room), { stream: true });
      if (value.length > room) break;
      room -= value.length;
    }
  } catch {
    return { body: text, truncated: true };
  }
  // Not awaited: a cancellation that hangs must not hold up the report.
  reader.cancel().catch(() => undefined);
  return { body: text, truncated: true };
}
