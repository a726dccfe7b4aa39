import { encodeBase64 } from "../core/base64.ts";
import { jsonData } from "../core/body.ts";
import type { LogEvent } from "../core/event.ts";
import { isJsonContentType } from "../core/media-type.ts";
import { formatRfc3339 } from "../core/time.ts";
import { joinBytes } from "./bytes.ts";

const encoder = new TextEncoder();

/**
 * An event as JSON (API clause 4.7). JSON `data` stands in it as the very text that was sent: parsing and writing it
 * again would change 9007199254740993, 1.0 or the order of members. Other data is `dataBase64`.
 */
export function eventJson(event: LogEvent, topic: string): Uint8Array<ArrayBuffer> {
  const { id, partition, offset, type, key, time, source, subject, correlationId, causationId, contentType } = event;
  const head = JSON.stringify({
    id,
    topic,
    partition,
    offset,
    type,
    key,
    time,
    receivedAt: formatRfc3339(event.receivedAt),
    source,
    subject,
    correlationId,
    causationId,
    cloudEventId: event.cloudEvent?.id ?? null,
    extensions: event.cloudEvent?.extensions ?? {},
    headers: event.headers ?? {},
    contentType,
    size: event.data.byteLength,
    ...(event.erased === true && { erased: true }),
  }).slice(0, -1);
  return isJsonContentType(contentType)
    ? joinBytes([encoder.encode(`${head},"data":`), jsonData(event.data), encoder.encode("}")])
    : joinBytes([encoder.encode(`${head},"dataBase64":"${encodeBase64(event.data)}"}`)]);
}

/** A page of events: `{data, ...rest}`. */
export function eventListJson(
  events: readonly LogEvent[],
  topic: string,
  rest: Readonly<Record<string, string | number | null>>,
): Uint8Array<ArrayBuffer> {
  const items = events.flatMap((event, index) => [encoder.encode(index === 0 ? "" : ","), eventJson(event, topic)]);
  return joinBytes([encoder.encode('{"data":['), ...items, encoder.encode(`],${JSON.stringify(rest).slice(1)}`)]);
}
