import { type AttributeError, readAttributes } from "./cloudevent-attributes.ts";
import { decodeAttribute } from "./cloudevent-header.ts";
import { type Problem, problem } from "./errors.ts";
import type { NewEvent } from "./event.ts";
import { jsonPointer } from "./json-pointer.ts";
import { parseJsonBody } from "./json-text.ts";
import { EVENT_DATA_MAX_BYTES, PROBLEM_ERRORS_MAX } from "./limits.ts";
import { isJsonContentType } from "./media-type.ts";
import { err, ok, type Result } from "./result.ts";

/** Attributes are the headers of this prefix. */
export const CLOUDEVENT_PREFIX = "ce-";

/** Members of the JSON format that are no headers: the body and its type take their place. */
const NO_HEADERS: ReadonlySet<string> = new Set(["data", "datacontenttype"]);

/**
 * Reads a CloudEvent in binary mode (1.0.2, HTTP Protocol Binding, section 3.1): attributes from the headers, data the
 * very body. `contentType`: null where the request names none. No body is no data.
 *
 * `too-large` (413) before anything else; `malformed-json`, `malformed-utf8` (400) for a body that is not what its type
 * says; `invalid` (422), with pointers to the attributes by name as in the JSON format.
 */
export function parseBinaryCloudEvent(
  headers: Iterable<readonly [name: string, value: string]>,
  body: Uint8Array,
  { contentType, hops }: { readonly contentType: string | null; readonly hops: number },
): Result<NewEvent, Problem> {
  if (body.byteLength > EVENT_DATA_MAX_BYTES) {
    return err(problem("too-large", `The body of an event may have ${EVENT_DATA_MAX_BYTES} bytes or fewer.`));
  }
  const type = contentType ?? (body.byteLength === 0 ? "application/json" : "application/octet-stream");
  // It is sent on inside of JSON, and filters look into it.
  if (body.byteLength > 0 && isJsonContentType(type)) {
    const parsed = parseJsonBody(body);
    if (!parsed.ok) return parsed;
  }
  const { values, errors } = readHeaders(headers);
  const attributes = readAttributes(values);
  if ("context" in attributes && errors.length === 0) {
    return ok({ ...attributes.context, headers: null, contentType: type, hops, data: body });
  }
  const named = new Set(errors.map(({ name }) => name));
  const others = "errors" in attributes ? attributes.errors.filter(({ name }) => !named.has(name)) : [];
  return err(refusal([...errors, ...others]));
}

function readHeaders(headers: Iterable<readonly [string, string]>) {
  const values = new Map<string, string>();
  const errors: AttributeError[] = [];
  for (const [header, value] of headers) {
    if (!header.startsWith(CLOUDEVENT_PREFIX)) continue;
    const name = header.slice(CLOUDEVENT_PREFIX.length);
    const decoded = decodeAttribute(value);
    if (NO_HEADERS.has(name)) errors.push({ name, detail: "is the body, or its content type, and no header" });
    else if (decoded.ok) values.set(name, decoded.value);
    else errors.push({ name, detail: decoded.error });
  }
  return { values, errors };
}

function refusal(errors: readonly AttributeError[]): Problem {
  const [first] = errors;
  const subject = first?.name === null ? "The event" : `The header ${CLOUDEVENT_PREFIX}${first?.name ?? ""}`;
  return problem("invalid", `${subject} ${first?.detail ?? ""}.`, {
    errors: errors
      .slice(0, PROBLEM_ERRORS_MAX)
      .map(({ name, detail }) => ({ pointer: jsonPointer(name === null ? [] : [name]), detail })),
  });
}
