import { encodeAttribute } from "./cloudevent-header.ts";
import type { ExtensionValue, NewEvent } from "./event.ts";
import {
  CLOUDEVENT_ATTRIBUTES_MAX_BYTES,
  CONTEXT_MAX_BYTES,
  CORRELATION_MAX_BYTES,
  KEY_MAX_BYTES,
  TYPE_MAX_CHARACTERS,
} from "./limits.ts";
import { formatRfc3339, parseRfc3339 } from "./time.ts";

/** What is wrong with an attribute: `detail` is the end of a sentence about it. No name: with all of them together. */
export interface AttributeError {
  readonly name: string | null;
  readonly detail: string;
}

/** What the attributes of a CloudEvent say of an event. */
export type AttributeContext = Pick<
  NewEvent,
  "type" | "key" | "time" | "source" | "subject" | "correlationId" | "causationId" | "cloudEvent"
>;

const NAME = /^[a-z0-9]+$/;
const CONTROL = /\p{Cc}/u;
const INTEGER_MIN = -2_147_483_648;
const INTEGER_MAX = 2_147_483_647;
const encoder = new TextEncoder();

interface TextRule {
  readonly maxBytes: number;
  readonly required?: true;
  /** Control characters may stand in it: as in the key of the other forms. */
  readonly controls?: true;
}

/** Attributes that must be text with something in it. */
const TEXTS = {
  id: { maxBytes: CONTEXT_MAX_BYTES, required: true },
  source: { maxBytes: CONTEXT_MAX_BYTES, required: true },
  type: { maxBytes: Infinity, required: true },
  specversion: { maxBytes: Infinity, required: true },
  dataschema: { maxBytes: CONTEXT_MAX_BYTES },
  subject: { maxBytes: CONTEXT_MAX_BYTES },
  time: { maxBytes: CONTEXT_MAX_BYTES },
  partitionkey: { maxBytes: KEY_MAX_BYTES, controls: true },
  correlationid: { maxBytes: CORRELATION_MAX_BYTES },
  causationid: { maxBytes: CORRELATION_MAX_BYTES },
} as const satisfies Readonly<Record<string, TextRule>>;

/** Those of CloudEvents itself; all others are extensions, also where they mean something here. */
const CORE: ReadonlySet<string> = new Set(["id", "source", "type", "specversion", "dataschema", "subject", "time"]);

/**
 * Reads the attributes of a CloudEvent 1.0 but `datacontenttype`, by name; null is the same as absent. Lengths and
 * types are checked, and that the text is text; not whether `source` and `dataschema` are URIs: enough senders have
 * others, and nothing here follows them.
 */
export function readAttributes(
  attributes: ReadonlyMap<string, unknown>,
): { readonly context: AttributeContext } | { readonly errors: readonly AttributeError[] } {
  const errors: AttributeError[] = [];
  const texts = new Map<string, string>();
  for (const [name, rule] of Object.entries(TEXTS)) {
    const value = attributes.get(name) ?? null;
    const detail = textError(name, value, rule);
    if (detail !== null) errors.push({ name, detail });
    else if (typeof value === "string") texts.set(name, value);
  }
  const extensions = new Map<string, ExtensionValue>();
  for (const [name, value] of attributes) {
    if (CORE.has(name) || value === null || value === undefined) continue;
    const detail = Object.hasOwn(TEXTS, name) ? null : extensionError(name, value);
    if (detail !== null) errors.push({ name, detail });
    else if (isExtensionValue(value)) extensions.set(name, value);
  }
  const core = [...texts].filter(([name]) => CORE.has(name));
  if (errors.length === 0 && headerBytes([...core, ...extensions]) > CLOUDEVENT_ATTRIBUTES_MAX_BYTES) {
    const detail = `has attributes of more than ${CLOUDEVENT_ATTRIBUTES_MAX_BYTES} bytes together, as headers`;
    errors.push({ name: null, detail });
  }
  return errors.length > 0 ? { errors } : { context: contextOf(texts, Object.fromEntries(extensions)) };
}

function contextOf(texts: ReadonlyMap<string, string>, extensions: Record<string, ExtensionValue>): AttributeContext {
  const text = (name: keyof typeof TEXTS): string | null => texts.get(name) ?? null;
  const time = text("time");
  const timeMs = time === null ? null : parseRfc3339(time);
  return {
    ...{ type: text("type") ?? "", source: text("source"), subject: text("subject"), key: text("partitionkey") },
    ...{ correlationId: text("correlationid"), causationId: text("causationid") },
    time: timeMs === null ? null : formatRfc3339(timeMs),
    cloudEvent: { id: text("id") ?? "", dataSchema: text("dataschema"), time, extensions },
  };
}

function textError(name: string, value: unknown, rule: TextRule): string | null {
  if (value === null) return rule.required ? "is missing" : null;
  if (typeof value !== "string") return "must be a string";
  if (value === "") return "must not be empty";
  if (!value.isWellFormed()) return "must not have lone surrogates";
  if (!rule.controls && CONTROL.test(value)) return "must not have control characters";
  if (value.length > rule.maxBytes || encoder.encode(value).byteLength > rule.maxBytes) {
    return `must have ${rule.maxBytes} bytes of UTF-8 or fewer`;
  }
  if (name === "specversion" && value !== "1.0") return 'must be "1.0": no other version of CloudEvents is accepted';
  if (name === "type" && value.length > TYPE_MAX_CHARACTERS && [...value].length > TYPE_MAX_CHARACTERS) {
    return `must have ${TYPE_MAX_CHARACTERS} characters or fewer`;
  }
  if (name === "time" && parseRfc3339(value) === null) {
    return "must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z";
  }
  return null;
}

function extensionError(name: string, value: unknown): string | null {
  if (!NAME.test(name)) return "is no name of an attribute: these have a-z and 0-9 only";
  if (typeof value === "boolean") return null;
  if (typeof value === "number") {
    const fits = Number.isInteger(value) && value >= INTEGER_MIN && value <= INTEGER_MAX;
    return fits ? null : "must be a whole number of 32 bits, or a string";
  }
  if (typeof value !== "string") return "must be a string, a whole number or a boolean";
  if (!value.isWellFormed()) return "must not have lone surrogates";
  return CONTROL.test(value) ? "must not have control characters" : null;
}

const isExtensionValue = (value: unknown): value is ExtensionValue =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** What they take of the head of a request in binary mode: `ce-name: value`, and the end of the line. */
function headerBytes(attributes: readonly (readonly [name: string, value: ExtensionValue])[]): number {
  let bytes = 0;
  for (const [name, value] of attributes) {
    bytes += "ce-: \r\n".length + name.length + encodeAttribute(String(value)).length;
  }
  return bytes;
}
