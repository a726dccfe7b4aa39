import { decodeBase64 } from "./base64.ts";
import { type AttributeError, readAttributes } from "./cloudevent-attributes.ts";
import { jsonPointer } from "./json-pointer.ts";
import { type MemberText, memberTexts, parseJsonBody } from "./json-text.ts";
import { EVENT_DATA_MAX_BYTES } from "./limits.ts";
import { isJsonContentType, isUtf8, parseMediaType } from "./media-type.ts";
import type { EventError, PublishedEvent } from "./publish-event.ts";

/** Data of an event, or what is wrong with it; `name` is the member to blame. */
type Data =
  | { readonly bytes: Uint8Array; readonly contentType: string }
  | { readonly name: string; readonly detail: string; readonly tooLarge?: true };

interface Source {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What a CloudEvent without data is stored with: no bytes. */
const NO_DATA = new Uint8Array();
const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/octet-stream";
const DATA_MEMBERS: readonly string[] = ["data", "data_base64"];
const encoder = new TextEncoder();

/**
 * Reads the CloudEvent in the JSON format (1.0.2) that stands at start..end of a valid JSON text and was parsed to
 * `value`. JSON data is kept as the very text that was sent; text of another type, and base64, as the bytes they stand
 * for. `path` leads to the event in the body, for the pointers of errors.
 */
export function parseCloudEvent(
  source: Source,
  value: unknown,
  path: readonly number[],
  hops: number,
): PublishedEvent | readonly EventError[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [errorAt(path, { name: null, detail: "must be a CloudEvent: an object with `id`, `source` and `type`" })];
  }
  const members = memberTexts(source.text, source.start);
  const values = new Map<string, unknown>(Object.entries(value));
  const data = readData(source.text, members, values);
  for (const name of [...DATA_MEMBERS, "datacontenttype"]) values.delete(name);
  const attributes = readAttributes(values);
  const errors = [
    ...repeatedNames(members).map((one) => errorAt(path, one)),
    ...("errors" in attributes ? attributes.errors : []).map((one) => errorAt(path, one)),
    ...("bytes" in data ? [] : [errorAt(path, data)]),
  ];
  if (errors.length > 0 || "errors" in attributes || !("bytes" in data)) return errors;
  const { bytes, contentType } = data;
  return {
    event: { ...attributes.context, headers: null, contentType, hops, data: bytes },
    idempotencyKey: null,
    text: "",
  };
}

function readData(text: string, members: readonly MemberText[], values: ReadonlyMap<string, unknown>): Data {
  const type = values.get("datacontenttype") ?? null;
  if (type !== null && typeof type !== "string") return { name: "datacontenttype", detail: "must be a string" };
  const mediaType = type === null ? null : parseMediaType(type);
  if (type !== null && mediaType === null) return { name: "datacontenttype", detail: "must be a media type" };

  const base64 = values.get("data_base64") ?? null;
  const member = members.findLast(({ name }) => name === "data");
  if (base64 !== null) {
    if (member !== undefined) return { name: "data_base64", detail: "must not be there beside `data`" };
    return fromBase64(base64, type);
  }
  if (member === undefined) return { bytes: NO_DATA, contentType: type ?? JSON_TYPE };
  if (mediaType !== null && !isUtf8(mediaType)) {
    return { name: "datacontenttype", detail: "must not have a charset but UTF-8; send the bytes as `data_base64`" };
  }
  if (type === null || isJsonContentType(type)) {
    return within("data", member.end - member.start, () => ({
      bytes: encoder.encode(text.slice(member.start, member.end)),
      contentType: type ?? JSON_TYPE,
    }));
  }
  const string = values.get("data");
  if (typeof string !== "string") return { name: "data", detail: `must be a string, as its type is ${type}` };
  if (!string.isWellFormed()) return { name: "data", detail: "must not have lone surrogates; send `data_base64`" };
  return within("data", string.length, () => ({ bytes: encoder.encode(string), contentType: type }));
}

/** Of no type at all it may be anything. What is said to be JSON has to be: it is sent on inside of JSON. */
function fromBase64(base64: unknown, type: string | null): Data {
  const name = "data_base64";
  if (typeof base64 !== "string") return { name, detail: "must be a string" };
  return within(name, Math.floor((base64.length * 3) / 4) - 2, () => {
    const bytes = decodeBase64(base64);
    if (bytes === null) return { name, detail: "must be standard base64 with padding" };
    if (type !== null && isJsonContentType(type) && bytes.length > 0 && !parseJsonBody(bytes).ok) {
      return { name, detail: `must be JSON in UTF-8, as its type is ${type}` };
    }
    return { bytes, contentType: type ?? BINARY_TYPE };
  });
}

/** `atLeast`: so many bytes it has for sure. What is too long is not even decoded. */
function within(name: string, atLeast: number, read: () => Data): Data {
  const data = atLeast > EVENT_DATA_MAX_BYTES ? null : read();
  return data === null || ("bytes" in data && data.bytes.byteLength > EVENT_DATA_MAX_BYTES)
    ? { name, detail: `has more than ${EVENT_DATA_MAX_BYTES} bytes`, tooLarge: true }
    : data;
}

/** On the text: a parsed object has lost them. */
function repeatedNames(members: readonly MemberText[]): AttributeError[] {
  const seen = new Set<string>();
  const errors: AttributeError[] = [];
  for (const { name } of members) {
    if (seen.has(name)) errors.push({ name, detail: "is there more than once" });
    seen.add(name);
  }
  return errors;
}

const errorAt = (path: readonly number[], error: AttributeError & { readonly tooLarge?: true }): EventError => ({
  pointer: jsonPointer(error.name === null ? path : [...path, error.name]),
  detail: error.detail,
  tooLarge: error.tooLarge ?? false,
});
