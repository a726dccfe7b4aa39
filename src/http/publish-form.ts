import { CLOUDEVENT_PREFIX, parseBinaryCloudEvent } from "../core/cloudevent-binary.ts";
import { type Problem, problem } from "../core/errors.ts";
import { isJsonContentType, isUtf8, parseMediaType } from "../core/media-type.ts";
import { type PublishRequest, parseCloudEventsJson, parsePublishJson } from "../core/publish.ts";
import { err, ok, type Result } from "../core/result.ts";
import { jsonMediaType, PUBLISH_TYPES, refusedEncoding, refusedMediaType } from "./body.ts";
import { joinBytes } from "./bytes.ts";

/** How a publish is written (API clause 4.1). `contentType` of binary mode: as it was sent, null where none was. */
export type PublishForm =
  | { readonly kind: "json" | "structured" | "batch" }
  | { readonly kind: "binary"; readonly contentType: string | null };

/** What was read, and what an idempotency key of the request stands for: the content type and these bytes. */
export interface Publish extends PublishRequest {
  readonly contentType: string;
  readonly content: () => Uint8Array;
}

/** Any of them makes a request a CloudEvent in binary mode, which then needs them all. */
const REQUIRED_ATTRIBUTES = ["ce-specversion", "ce-id", "ce-source", "ce-type"] as const;

const ACCEPTED = `${PUBLISH_TYPES.join(" or ")}, in UTF-8, or any content type with the headers of a CloudEvent in binary mode (ce-specversion: 1.0, ce-id, ce-source, ce-type)`;

/** A structured CloudEvent's content type wins over `ce-` headers, and they over the rest. 415 names what is accepted. */
export function publishForm(request: Pick<Request, "headers" | "body">): Result<PublishForm, Problem> {
  const { headers } = request;
  const structured = /^\s*application\/cloudevents/i.test(headers.get("content-type") ?? "");
  if (!structured && REQUIRED_ATTRIBUTES.some((name) => headers.has(name))) return binaryForm(headers);
  const refused = refusedMediaType(request, PUBLISH_TYPES);
  if (refused === null) return ok({ kind: structured ? structuredKind(headers) : "json" });
  const unknown = refused.code === "unsupported-media-type" && refusedEncoding(headers) === null;
  return err(unknown ? unsupported() : refused);
}

const structuredKind = (headers: Headers): "structured" | "batch" =>
  jsonMediaType(headers) === TYPES.batch ? "batch" : "structured";

function binaryForm(headers: Headers): Result<PublishForm, Problem> {
  const encoded = refusedEncoding(headers);
  if (encoded !== null) return err(encoded);
  const contentType = headers.get("content-type")?.trim() || null;
  if (contentType === null) return ok({ kind: "binary", contentType });
  const mediaType = parseMediaType(contentType);
  if (mediaType === null) return err(unsupported());
  if (isJsonContentType(contentType) && !isUtf8(mediaType)) {
    return err(problem("unsupported-media-type", "Send JSON in UTF-8, whatever the form of the event."));
  }
  return ok({ kind: "binary", contentType });
}

const unsupported = (): Problem => problem("unsupported-media-type", `Send the body as ${ACCEPTED}.`);

/** Reads a body of the form. `hops` goes into every event. */
export function readPublish(
  form: PublishForm,
  headers: Headers,
  body: Uint8Array,
  hops: number,
): Result<Publish, Problem> {
  if (form.kind === "binary") return readBinary(form.contentType, headers, body, hops);
  const parsed =
    form.kind === "json"
      ? parsePublishJson(body, { hops, batchAllowed: true })
      : parseCloudEventsJson(body, { hops, batch: form.kind === "batch" });
  if (!parsed.ok) return parsed;
  return ok({ ...parsed.value, contentType: TYPES[form.kind], content: () => body });
}

/** Parameters do not count: the only one there may be changes nothing. */
const TYPES = {
  json: "application/json",
  structured: "application/cloudevents+json",
  batch: "application/cloudevents-batch+json",
} as const;

function readBinary(
  contentType: string | null,
  headers: Headers,
  body: Uint8Array,
  hops: number,
): Result<Publish, Problem> {
  const event = parseBinaryCloudEvent(headers, body, { contentType, hops });
  if (!event.ok) return event;
  return ok({
    batch: false,
    events: [{ event: event.value, idempotencyKey: null, text: "" }],
    contentType: contentType ?? "",
    content: () => joinBytes([new TextEncoder().encode(attributeLines(headers)), body]),
  });
}

/** The attributes are part of what was sent: two events of one body are two all the same. */
const attributeLines = (headers: Headers): string =>
  [...headers]
    .filter(([name]) => name.startsWith(CLOUDEVENT_PREFIX))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
