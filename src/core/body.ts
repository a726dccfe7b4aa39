import { encodeBase64 } from "./base64.ts";
import { type CloudEventSource, structuredParts } from "./cloudevent.ts";
import { isJsonContentType } from "./media-type.ts";

/** What a subscription gets (API clause 6.2). */
export type Format = "standard" | "cloudevents-structured" | "cloudevents-binary" | "raw";

export const FORMATS: readonly Format[] = ["standard", "cloudevents-structured", "cloudevents-binary", "raw"];

/** Those that put an event into a document; in the others the body is its data alone. */
export const takesBatches = (format: Format): boolean => format === "standard" || format === "cloudevents-structured";

const NULL = new TextEncoder().encode("null");

export interface RequestBody {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** A `Send`: an event, or the batch that begins with it. */
interface Content {
  readonly event: CloudEventSource;
  readonly batch: { readonly events: readonly CloudEventSource[] } | null;
}

/** The `content-type` of the body that sendBody makes, for those who need only that. */
export function requestContentType(format: Format, event: { readonly contentType: string }, batched: boolean): string {
  if (format === "standard") return "application/json";
  if (format === "cloudevents-structured") {
    return batched ? "application/cloudevents-batch+json" : "application/cloudevents+json";
  }
  return event.contentType;
}

/**
 * The body of a send (API clause 6.2). `raw`, `cloudevents-binary`: the bytes that were posted. The others put JSON data
 * into a document as the very text that was posted (`1.0` and `\ud800` stay what they were), and any other as base64; a
 * batch is an array of such documents, in order.
 */
export function sendBody(format: Format, { event, batch }: Content, topic: string): RequestBody {
  const contentType = requestContentType(format, event, batch !== null);
  const parts = (one: CloudEventSource) => (format === "standard" ? standardParts(one) : structuredParts(one, topic));
  if (batch !== null) {
    const members = batch.events.flatMap((one, index) => [index === 0 ? "[" : ",", ...parts(one)]);
    return { bytes: joined([...members, "]"]), contentType };
  }
  return { bytes: takesBatches(format) ? joined(parts(event)) : event.data, contentType };
}

/** A CloudEvent may have no data at all: there is no other JSON for that than null. */
export const jsonData = (data: Uint8Array): Uint8Array => (data.byteLength === 0 ? NULL : data);

function standardParts({ type, time, contentType, data }: CloudEventSource): readonly (string | Uint8Array)[] {
  const head = `{"type":${JSON.stringify(type)},"timestamp":${JSON.stringify(time)}`;
  return isJsonContentType(contentType)
    ? [`${head},"data":`, jsonData(data), "}"]
    : [`${head},"contentType":${JSON.stringify(contentType)},"dataBase64":"${encodeBase64(data)}"}`];
}

const encoder = new TextEncoder();

/** One allocation of the whole, whatever the number of parts. */
function joined(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const pieces = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
