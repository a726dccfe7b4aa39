import { encodeBase64 } from "./base64.ts";
import { CLOUDEVENT_PREFIX } from "./cloudevent-binary.ts";
import { encodeAttribute } from "./cloudevent-header.ts";
import type { ExtensionValue, LogEvent } from "./event.ts";
import { isJsonContentType } from "./media-type.ts";

/** What a CloudEvent is made of. */
export type CloudEventSource = Omit<LogEvent, "receivedAt" | "headers" | "hops">;

const SEQUENCE_DIGITS = 20;
const JSON_TYPE = "application/json";

/**
 * The attributes of an event that leaves as a CloudEvent (API clause 6.2), `datacontenttype` aside. One that came as a
 * CloudEvent keeps all it had; any other is what the log knows of it. The place in the log is added, but for a test
 * event, which has none (its offset is 0).
 */
export function leavingAttributes(event: CloudEventSource, topic: string): ReadonlyMap<string, ExtensionValue> {
  const own = event.cloudEvent;
  const attributes = new Map<string, ExtensionValue>();
  const set = (name: string, value: ExtensionValue | null): void => {
    if (value !== null) attributes.set(name, value);
  };
  set("specversion", "1.0");
  set("id", own?.id ?? event.id);
  set("source", own === null ? `/topics/${topic}` : event.source);
  set("type", event.type);
  set("dataschema", own?.dataSchema ?? null);
  set("subject", event.subject);
  set("time", own === null ? event.time : own.time);
  if (own === null) {
    set("partitionkey", event.key);
    set("correlationid", event.correlationId);
    set("causationid", event.causationId);
  } else {
    for (const [name, value] of Object.entries(own.extensions)) set(name, value);
  }
  if (event.offset > 0) {
    if (!attributes.has("sequence")) set("sequence", String(event.offset).padStart(SEQUENCE_DIGITS, "0"));
    set("sluiceoffset", String(event.offset));
    set("sluicepartition", String(event.partition));
  }
  return attributes;
}

/** The attributes as headers of binary mode, names in lower case; the content type is that of the body. */
export function binaryHeaders(event: CloudEventSource, topic: string): Record<string, string> {
  const attributes = [...leavingAttributes(event, topic)];
  return Object.fromEntries(
    attributes.map(([name, value]) => [`${CLOUDEVENT_PREFIX}${name}`, encodeAttribute(String(value))]),
  );
}

/**
 * The event in the JSON format, as parts of a text: the attributes, then JSON data as the very text that was sent, and
 * any other as base64. Nothing is parsed and written again.
 */
export function structuredParts(event: CloudEventSource, topic: string): readonly (string | Uint8Array)[] {
  const { contentType, data } = event;
  const attributes = Object.fromEntries(leavingAttributes(event, topic));
  const empty = data.byteLength === 0;
  // Without data the type says nothing, unless the sender chose one.
  const typed = empty && contentType === JSON_TYPE ? attributes : { ...attributes, datacontenttype: contentType };
  const head = JSON.stringify(typed).slice(0, -1);
  if (empty) return [`${head}}`];
  return isJsonContentType(contentType)
    ? [`${head},"data":`, data, "}"]
    : [`${head},"data_base64":"${encodeBase64(data)}"}`];
}
