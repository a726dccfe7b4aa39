import * as v from "valibot";
import type { NewEvent } from "./event.ts";
import { jsonPointer } from "./json-pointer.ts";
import { type MemberText, memberTexts } from "./json-text.ts";
import { CONTEXT_MAX_BYTES, CORRELATION_MAX_BYTES, EVENT_DATA_MAX_BYTES, KEY_MAX_BYTES } from "./limits.ts";
import { EVENT_TYPE_RULE, IDEMPOTENCY_KEY_RULE, isEventType, isIdempotencyKey } from "./names.ts";
import { formatRfc3339, parseRfc3339 } from "./time.ts";

/** One event of a publish request. */
export interface PublishedEvent {
  readonly event: NewEvent;
  readonly idempotencyKey: string | null;
  /** The very text of the event's object, without white space around it: what its idempotency key stands for. */
  readonly text: string;
}

export interface EventError {
  readonly pointer: string;
  readonly detail: string;
  /** The event is refused for its size (413), whatever else is wrong. */
  readonly tooLarge: boolean;
}

const encoder = new TextEncoder();

/** Absent and null are the same: an event read from the log can be published again as it is shown there. */
const optionalText = (maxBytes: number) =>
  v.optional(
    v.nullable(
      v.pipe(
        v.string("must be a string"),
        v.check((text) => text !== "", "must not be empty; leave it out instead"),
        v.check((text) => text.isWellFormed(), "must not have lone surrogates"),
        v.check((text) => isWithinBytes(text, maxBytes), `must have ${maxBytes} bytes of UTF-8 or fewer`),
      ),
    ),
    null,
  );

const Envelope = v.object({
  type: v.pipe(v.string("must be a string"), v.check(isEventType, EVENT_TYPE_RULE)),
  key: optionalText(KEY_MAX_BYTES),
  time: v.optional(
    v.nullable(
      v.pipe(
        v.string("must be a string"),
        v.check((time) => parseRfc3339(time) !== null, "must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z"),
      ),
    ),
    null,
  ),
  source: optionalText(CONTEXT_MAX_BYTES),
  subject: optionalText(CONTEXT_MAX_BYTES),
  correlationId: optionalText(CORRELATION_MAX_BYTES),
  causationId: optionalText(CORRELATION_MAX_BYTES),
  idempotencyKey: v.optional(
    v.nullable(v.pipe(v.string("must be a string"), v.check(isIdempotencyKey, IDEMPOTENCY_KEY_RULE))),
    null,
  ),
});

const MEMBERS: ReadonlySet<string> = new Set([...Object.keys(Envelope.entries), "data"]);

/**
 * Reads the event that stands at start..end of a valid JSON text and was parsed to `value`. `path` leads to it in the
 * body, for the pointers of errors.
 */
export function parsePublishedEvent(
  source: { readonly text: string; readonly start: number; readonly end: number },
  value: unknown,
  path: readonly number[],
  hops: number,
): PublishedEvent | readonly EventError[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [error(path, "must be an object with `type` and `data`")];
  }
  const members = memberTexts(source.text, source.start);
  const envelope = v.safeParse(Envelope, value);
  const data = readData(source.text, members, path);
  const errors = [
    ...checkNames(members, path),
    ...(envelope.issues ?? []).map((issue) => issueError(issue, path)),
    ...("errors" in data ? data.errors : []),
  ];
  if (errors.length > 0 || !envelope.success || "errors" in data) return errors;

  const { idempotencyKey, time, ...context } = envelope.output;
  const timeMs = time === null ? null : parseRfc3339(time);
  return {
    event: {
      ...context,
      time: timeMs === null ? null : formatRfc3339(timeMs),
      ...{ cloudEvent: null, headers: null },
      contentType: "application/json",
      hops,
      data: data.bytes,
    },
    idempotencyKey,
    text: source.text.slice(source.start, source.end),
  };
}

/** The bytes of the data as they were sent: no body can hold a lone surrogate as such, so encoding gives them back. */
function readData(
  text: string,
  members: readonly MemberText[],
  path: readonly number[],
): { readonly bytes: Uint8Array } | { readonly errors: readonly EventError[] } {
  const member = members.find(({ name }) => name === "data");
  if (member === undefined) return { errors: [error([...path, "data"], "is missing: any JSON value, null included")] };
  // UTF-8 has at least as many bytes as UTF-16 has units: no need to encode what is too long anyway.
  const bytes =
    member.end - member.start > EVENT_DATA_MAX_BYTES ? null : encoder.encode(text.slice(member.start, member.end));
  if (bytes === null || bytes.byteLength > EVENT_DATA_MAX_BYTES) {
    return { errors: [{ ...error([...path, "data"], `has more than ${EVENT_DATA_MAX_BYTES} bytes`), tooLarge: true }] };
  }
  return { bytes };
}

/**
 * Names are checked on the text: a parsed object has lost repeated ones, and `constructor` or `__proto__` look known
 * to anything that asks an object.
 */
function checkNames(members: readonly MemberText[], path: readonly number[]): EventError[] {
  const seen = new Set<string>();
  const errors: EventError[] = [];
  for (const { name } of members) {
    if (!MEMBERS.has(name)) errors.push(error([...path, name], "is not a member of an event"));
    else if (seen.has(name)) errors.push(error([...path, name], "is there more than once"));
    seen.add(name);
  }
  return errors;
}

function issueError(issue: v.BaseIssue<unknown>, path: readonly number[]): EventError {
  const name = String(issue.path?.[0]?.key);
  const missing = issue.type === "object";
  return error([...path, name], missing ? "is missing" : issue.message);
}

const error = (path: readonly (string | number)[], detail: string): EventError => ({
  pointer: jsonPointer(path),
  detail,
  tooLarge: false,
});

const isWithinBytes = (text: string, limit: number): boolean =>
  text.length <= limit && (text.length * 3 <= limit || encoder.encode(text).byteLength <= limit);
