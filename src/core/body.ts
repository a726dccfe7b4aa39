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

/**
 * The body a subscriber gets for one event (API clause 6.2). `raw`: the bytes that were posted. `standard`: a JSON
 * object in which the data of a JSON event stands as the very text that was posted (`1.0` and `\ud800` stay what they
 * were), and any other data as base64.
 */
export function requestBody(
  format: "standard" | "raw",
  event: Pick<LogEvent, "type" | "time" | "contentType" | "data">,
): RequestBody {
  const contentType = requestContentType(format, event);
  if (format === "raw") return { bytes: event.data, contentType };
  const head = `{"type":${JSON.stringify(event.type)},"timestamp":${JSON.stringify(event.time)}`;
  const bytes = isJsonContentType(event.contentType)
    ? joined(`${head},"data":`, event.data, "}")
    : new TextEncoder().encode(
        `${head},"contentType":${JSON.stringify(event.contentType)},"dataBase64":"${encodeBase64(event.data)}"}`,
      );
  return { bytes, contentType };
}

function joined(head: string, data: Uint8Array, tail: string): Uint8Array {
  const encoder = new TextEncoder();
  const before = encoder.encode(head);
  const after = encoder.encode(tail);
  const bytes = new Uint8Array(before.length + data.length + after.length);
  bytes.set(before);
  bytes.set(data, before.length);
  bytes.set(after, before.length + data.length);
  return bytes;
}
