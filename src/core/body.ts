import { encodeBase64 } from "./base64.ts";
import type { LogEvent } from "./event.ts";

export interface RequestBody {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** `application/json` and every `+json` type (RFC 6839), with or without parameters. */
export function isJsonContentType(contentType: string): boolean {
  const [mediaType = ""] = contentType.split(";");
  return /^(?:application\/json|[^/]+\/[^/]+\+json)$/i.test(mediaType.trim());
}

/** The `content-type` of the body that requestBody makes, for those who need only that. */
export const requestContentType = (format: "standard" | "raw", event: Pick<LogEvent, "contentType">): string =>
  format === "raw" ? event.contentType : "application/json";

type Content = Pick<LogEvent, "type" | "time" | "contentType" | "data">;

/** The body of a send: that of its event, or of its batch where it is one. */
export const sendBody = (
  format: "standard" | "raw",
  send: { readonly event: Content; readonly batch: { readonly events: readonly Content[] } | null },
): RequestBody => (send.batch === null ? requestBody(format, send.event) : batchBody(send.batch.events));

/**
 * The body a subscriber gets for one event (API clause 6.2). `raw`: the bytes that were posted. `standard`: a JSON
 * object in which the data of a JSON event stands as the very text that was posted (`1.0` and `\ud800` stay what they
 * were), and any other data as base64.
 */
export function requestBody(format: "standard" | "raw", event: Content): RequestBody {
  const contentType = requestContentType(format, event);
  return { bytes: format === "raw" ? event.data : joined(standardParts(event)), contentType };
}

/** The body of a batch: a JSON array of the standard bodies of its events, in order. `raw` has no batches (5.1). */
export function batchBody(events: readonly Content[]): RequestBody {
  const members = events.flatMap((event, index) => [index === 0 ? "[" : ",", ...standardParts(event)]);
  return { bytes: joined([...members, "]"]), contentType: "application/json" };
}

function standardParts({ type, time, contentType, data }: Content): readonly (string | Uint8Array)[] {
  const head = `{"type":${JSON.stringify(type)},"timestamp":${JSON.stringify(time)}`;
  return isJsonContentType(contentType)
    ? [`${head},"data":`, data, "}"]
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
