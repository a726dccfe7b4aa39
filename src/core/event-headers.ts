import type { Format } from "./body.ts";
import { binaryHeaders, type CloudEventSource } from "./cloudevent.ts";
import { isSendable } from "./custom-headers.ts";
import type { LogEvent } from "./event.ts";

type HeaderSource = CloudEventSource & Pick<LogEvent, "headers">;

const HIDDEN = "***";
/** Names of headers with what somebody could use to pass for somebody else. */
const CREDENTIAL = /signature|hmac|token|secret|password|authorization|cookie|api-?key/;

/**
 * Headers that a request has because of its event, names in lower case: the attributes of a CloudEvent in binary mode,
 * and with `raw` those that were kept of the request that brought it. What the gateway sets itself, what belongs to a
 * connection and what no header can carry is not among them.
 */
export function eventHeaders(format: Format, event: HeaderSource, topic: string): Readonly<Record<string, string>> {
  if (format === "cloudevents-binary") return binaryHeaders(event, topic);
  if (format !== "raw" || event.headers === null) return {};
  return Object.fromEntries(Object.entries(event.headers).filter(([name, value]) => isSendable(name, value)));
}

/** The same as the delivery log shows them: signatures and credentials of whoever sent the event are hidden. */
export function shownEventHeaders(
  format: Format,
  event: HeaderSource,
  topic: string,
): Readonly<Record<string, string>> | null {
  const headers = Object.entries(eventHeaders(format, event, topic));
  if (headers.length === 0) return null;
  const hides = format === "raw";
  return Object.fromEntries(headers.map(([name, value]) => [name, hides && CREDENTIAL.test(name) ? HIDDEN : value]));
}
