import { type Problem, problem } from "./errors.ts";
import { jsonPointer } from "./json-pointer.ts";
import { CUSTOM_HEADER_NAME_MAX_CHARACTERS, CUSTOM_HEADER_VALUE_MAX_CHARACTERS, CUSTOM_HEADERS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** `token` of RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/**
 * Printable ASCII, spaces and tabs only inside. Anything else is either a way to smuggle a header in (CR, LF, NUL), is
 * read differently by different servers (beyond ASCII), or is cut off on the way (outer white space).
 */
const VALUE = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/;

/** Of the message or the connection: set by the gateway or its HTTP client, and a second one would break the request. */
const RESERVED = new Set([
  "accept-encoding",
  "cdn-loop",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "te",
  "traceparent",
  "tracestate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);
/** `ce-` belongs to CloudEvents in binary mode, `cf-` to the platform. */
const RESERVED_PREFIXES = ["ce-", "cf-", "proxy-", "sluice-", "webhook-"];

/**
 * Checks the custom `headers` of a subscription and lowers their names. `cookie` and `authorization` are allowed: a
 * fixed value the owner chose is no state carried from one delivery to the next.
 *
 * @returns lower-case name → value, or `invalid` with a pointer to each bad header; values are secrets and are not repeated.
 */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): Result<Record<string, string>, Problem> {
  const entries = Object.entries(headers);
  if (entries.length > CUSTOM_HEADERS_MAX) {
    return err(problem("invalid", `There may be ${CUSTOM_HEADERS_MAX} headers or fewer.`));
  }
  const checked = new Map<string, string>();
  const errors: { pointer: string; detail: string }[] = [];
  for (const [name, value] of entries) {
    const lowerName = name.toLowerCase();
    const refusal = checked.has(lowerName) ? "is given twice" : refusalOf(lowerName, value);
    if (refusal === null) checked.set(lowerName, value);
    else
      errors.push({
        pointer: jsonPointer(["headers", name]),
        detail: `The header ${JSON.stringify(name.slice(0, 64))} ${refusal}.`,
      });
  }
  const [first] = errors;
  return first === undefined ? ok(Object.fromEntries(checked)) : err(problem("invalid", first.detail, { errors }));
}

/** Whether a header of somebody else's request may be sent on: its name in lower case, and not one that cannot be chosen. */
export const isSendable = (lowerName: string, value: string): boolean => refusalOf(lowerName, value) === null;

function refusalOf(lowerName: string, value: string): string | null {
  if (lowerName.length > CUSTOM_HEADER_NAME_MAX_CHARACTERS) {
    return `must have a name of ${CUSTOM_HEADER_NAME_MAX_CHARACTERS} characters or fewer`;
  }
  if (!TOKEN.test(lowerName)) return "must have a name of letters, digits and !#$%&'*+-.^_`|~ only";
  if (RESERVED.has(lowerName) || RESERVED_PREFIXES.some((prefix) => lowerName.startsWith(prefix))) {
    return "is set by the gateway and cannot be chosen";
  }
  if (value.length > CUSTOM_HEADER_VALUE_MAX_CHARACTERS) {
    return `must have a value of ${CUSTOM_HEADER_VALUE_MAX_CHARACTERS} characters or fewer`;
  }
  if (!VALUE.test(value)) return "must have a value of printable ASCII without spaces around it";
  return null;
}
