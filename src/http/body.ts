import { type Problem, problem } from "../core/errors.ts";
import { parseJsonBody } from "../core/json-text.ts";
import { REQUEST_BODY_MAX_BYTES, REQUEST_DRAIN_MAX_BYTES } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { joinBytes } from "./bytes.ts";

/*
 * A body that is refused before it is read is left alone: the server behind reads it to its end and the client gets
 * its answer. Cancelling it, or stopping half-way, resets the connection under a client that is still sending, which
 * then never sees the answer.
 */

/** Media types accepted where a JSON document is expected. */
export const JSON_TYPES: readonly string[] = ["application/json"];
/** Those of the JSON forms of a publish; the other ones are CloudEvents. */
export const PUBLISH_TYPES: readonly string[] = [
  "application/json",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
];
/** RFC 7396 brings its own. */
export const PATCH_TYPES: readonly string[] = ["application/json", "application/merge-patch+json"];

const CONTENT_TYPE = /^([^;,\s]+)\s*(?:;\s*charset=(?:utf-8|"utf-8")\s*)?$/i;

/**
 * Why the body is not read: there is none (400); or another media type, a charset other than UTF-8, any other
 * parameter, or a Content-Encoding (415). null when it is one of `accepted`.
 */
export function refusedMediaType(
  { headers, body }: Pick<Request, "headers" | "body">,
  accepted: readonly string[],
): Problem | null {
  const given = headers.get("content-type");
  if (given === null && (body === null || headers.get("content-length") === "0")) {
    return problem(
      "malformed-request",
      `The body is missing. Send one with the content type ${accepted.join(" or ")}.`,
    );
  }
  const encoded = refusedEncoding(headers);
  if (encoded !== null) return encoded;
  const type = mediaTypeOf(given);
  return type !== null && accepted.includes(type)
    ? null
    : problem("unsupported-media-type", `Send the body with the content type ${accepted.join(" or ")}, in UTF-8.`);
}

/** A body is taken as it is: 415 for a Content-Encoding. */
export function refusedEncoding(headers: Headers): Problem | null {
  const encoding = headers.get("content-encoding");
  return encoding === null || encoding.trim().toLowerCase() === "identity"
    ? null
    : problem("unsupported-media-type", "Send the body without a Content-Encoding.");
}

/** The media type of a body in UTF-8, in lower case; null for another charset, other parameters, or none at all. */
export const jsonMediaType = (headers: Headers): string | null => mediaTypeOf(headers.get("content-type"));

const mediaTypeOf = (contentType: string | null): string | null =>
  CONTENT_TYPE.exec(contentType?.trim() ?? "")?.[1]?.toLowerCase() ?? null;

/** The bytes of a body, at most `maxBytes` whatever its headers say; `too-large` (413) naming the limit. */
export async function readBody(
  request: Request,
  maxBytes = REQUEST_BODY_MAX_BYTES,
): Promise<Result<Uint8Array, Problem>> {
  const declared = Number(request.headers.get("content-length") ?? "0");
  if (declared > maxBytes) return err(tooLarge(maxBytes));
  try {
    // A declared length is enforced by the server: the body is read whole, which costs far less than by chunks.
    const whole = declared > 0 && !request.headers.has("transfer-encoding");
    const bytes = whole ? new Uint8Array(await request.arrayBuffer()) : await readStream(request.body, maxBytes);
    return bytes === null || bytes.byteLength > maxBytes ? err(tooLarge(maxBytes)) : ok(bytes);
  } catch {
    return err(problem("malformed-request", "The body ended before it was complete."));
  }
}

/** A JSON document: its media type, its size, then its syntax are judged in this order. */
export async function readJson(
  request: Request,
  accepted: readonly string[] = JSON_TYPES,
): Promise<Result<unknown, Problem>> {
  const refused = refusedMediaType(request, accepted);
  if (refused !== null) return err(refused);
  const bytes = await readBody(request);
  return bytes.ok ? parse(bytes.value) : bytes;
}

/** Like readJson, for routes that need no document: an empty body, whatever its type, is `{}`. */
export async function readOptionalJson(request: Request): Promise<Result<unknown, Problem>> {
  const bytes = await readBody(request);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return ok({});
  const refused = refusedMediaType(request, JSON_TYPES);
  return refused === null ? parse(bytes.value) : err(refused);
}

function parse(bytes: Uint8Array): Result<unknown, Problem> {
  const parsed = parseJsonBody(bytes);
  return parsed.ok ? ok(parsed.value.value) : parsed;
}

const tooLarge = (maxBytes: number): Problem =>
  problem(
    "too-large",
    maxBytes === REQUEST_BODY_MAX_BYTES
      ? `A request body may have ${maxBytes} bytes or fewer. Split the batch.`
      : `A request body may have ${maxBytes} bytes or fewer here.`,
  );

/** null when it is longer than `maxBytes`: counted while it streams, and then read to its end. */
async function readStream(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array | null> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes <= maxBytes) chunks.push(value);
    else if (bytes > REQUEST_DRAIN_MAX_BYTES) {
      await reader.cancel();
      break;
    }
  }
  return bytes > maxBytes ? null : joinBytes(chunks);
}
