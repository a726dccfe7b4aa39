import type { CloudEventContext, ExtensionValue, LogEvent, NewEvent } from "./event.ts";
import { encodeEventId } from "./ids.ts";
import { formatRfc3339 } from "./time.ts";

/**
 * A block: the events of one commit, as one row of the log.
 *
 *     byte 0       version, 1
 *     bytes 1..4   length of the head in bytes, big endian
 *     head         JSON in UTF-8: what is known of each event but its data
 *     rest         the data of the events, one after the other, as it was sent
 *
 * A reader of version 1 passes over members of the head it does not know, and takes absent ones for their default, so
 * a new field needs no new version. Ids are not stored: position and time make them.
 */

const VERSION = 1;
const PREFIX_BYTES = 5;
const JSON_TYPE = "application/json";

/** The head as JSON. Names are short because they are stored with every event; absent = null, or the default given. */
interface Head {
  /** receivedAt of all, Unix milliseconds. */
  readonly r: number;
  /** Offset of the first event; the others follow it. */
  readonly o: number;
  readonly e: readonly EventHead[];
}

interface EventHead {
  /** Bytes of data. */
  readonly n: number;
  readonly type: string;
  readonly key?: string;
  /** Default: receivedAt. */
  readonly time?: string;
  readonly src?: string;
  readonly sub?: string;
  readonly cor?: string;
  readonly cau?: string;
  /** Content type; default: application/json. */
  readonly ct?: string;
  /** Default: 0. */
  readonly hops?: number;
  readonly ce?: CloudEventHead;
  /** Headers of the request. */
  readonly h?: Readonly<Record<string, string>>;
  /** Its payload was erased. */
  readonly er?: true;
}

interface CloudEventHead {
  readonly id: string;
  /** `dataschema`. */
  readonly ds?: string;
  /** `time` as it was sent. */
  readonly t?: string;
  /** Extensions; default: none. */
  readonly x?: Readonly<Record<string, ExtensionValue>>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The stored form of the events of one commit: consecutive offsets, one receivedAt, one partition, at least one event.
 * Throws where that is not so: stored, it would come back as other events.
 */
export function encodeBlock(events: readonly LogEvent[]): Uint8Array {
  const first = events[0];
  if (first === undefined) throw new Error("a block has at least one event");
  const receivedTime = formatRfc3339(first.receivedAt);
  let dataBytes = 0;
  const heads = events.map((event, index) => {
    if (event.offset !== first.offset + index || event.receivedAt !== first.receivedAt) {
      throw new Error(`offset ${event.offset} does not belong into the block of offset ${first.offset}`);
    }
    dataBytes += event.data.byteLength;
    return eventHead(event, receivedTime);
  });
  const head: Head = { r: first.receivedAt, o: first.offset, e: heads };
  const headBytes = encoder.encode(JSON.stringify(head));

  const block = new Uint8Array(PREFIX_BYTES + headBytes.byteLength + dataBytes);
  block[0] = VERSION;
  new DataView(block.buffer).setUint32(1, headBytes.byteLength);
  block.set(headBytes, PREFIX_BYTES);
  let at = PREFIX_BYTES + headBytes.byteLength;
  for (const event of events) {
    block.set(event.data, at);
    at += event.data.byteLength;
  }
  return block;
}

/**
 * The events of a block, each with data of its own (no view into the block: a structured clone of a view would take the
 * whole block along). Throws for a version this code does not know, as after a rollback, and for a block cut short.
 */
export function decodeBlock(
  bytes: Uint8Array,
  where: { readonly tag: number; readonly partition: number },
): LogEvent[] {
  const version = bytes[0];
  if (version !== VERSION) {
    throw new Error(`a block of version ${version} was written by a newer release; this one reads version ${VERSION}`);
  }
  const headLength = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1);
  let at = PREFIX_BYTES + headLength;
  const head: Head = JSON.parse(decoder.decode(bytes.subarray(PREFIX_BYTES, at)));
  const receivedTime = formatRfc3339(head.r);

  const events = head.e.map((event, index): LogEvent => {
    const data = bytes.slice(at, at + event.n);
    at += event.n;
    const offset = head.o + index;
    return {
      id: encodeEventId({ time: head.r, tag: where.tag, partition: where.partition, offset }),
      partition: where.partition,
      offset,
      receivedAt: head.r,
      type: event.type,
      key: event.key ?? null,
      time: event.time ?? receivedTime,
      source: event.src ?? null,
      subject: event.sub ?? null,
      correlationId: event.cor ?? null,
      causationId: event.cau ?? null,
      cloudEvent:
        event.ce === undefined
          ? null
          : {
              ...{ id: event.ce.id, dataSchema: event.ce.ds ?? null, time: event.ce.t ?? null },
              extensions: event.ce.x ?? {},
            },
      headers: event.h ?? null,
      contentType: event.ct ?? JSON_TYPE,
      hops: event.hops ?? 0,
      data,
      ...(event.er === true && { erased: true }),
    };
  });
  if (at !== bytes.byteLength)
    throw new Error(`the block of offset ${head.o} has ${bytes.byteLength} bytes, not ${at}`);
  return events;
}

/** Names, quotes, numbers and the RFC 3339 time of one event's head, with its share of the block's own. */
const EVENT_OVERHEAD_BYTES = 256;
/** The most JSON makes of one UTF-16 unit: `\u0000`. */
const JSON_BYTES_PER_CHARACTER = 6;

/** What an event takes of a block at most, in bytes: for splitting a commit into blocks. */
export function eventSizeBytes(event: NewEvent): number {
  const characters =
    event.type.length +
    event.contentType.length +
    lengthOf(event.key) +
    lengthOf(event.source) +
    lengthOf(event.subject) +
    lengthOf(event.correlationId) +
    lengthOf(event.causationId) +
    (event.cloudEvent === null ? 0 : JSON.stringify(event.cloudEvent).length) +
    (event.headers === null ? 0 : JSON.stringify(event.headers).length);
  return EVENT_OVERHEAD_BYTES + JSON_BYTES_PER_CHARACTER * characters + event.data.byteLength;
}

const lengthOf = (text: string | null): number => text?.length ?? 0;

function eventHead(event: LogEvent, receivedTime: string): EventHead {
  return {
    n: event.data.byteLength,
    type: event.type,
    ...(event.key !== null && { key: event.key }),
    ...(event.time !== receivedTime && { time: event.time }),
    ...(event.source !== null && { src: event.source }),
    ...(event.subject !== null && { sub: event.subject }),
    ...(event.correlationId !== null && { cor: event.correlationId }),
    ...(event.causationId !== null && { cau: event.causationId }),
    ...(event.contentType !== JSON_TYPE && { ct: event.contentType }),
    ...(event.hops !== 0 && { hops: event.hops }),
    ...(event.cloudEvent !== null && { ce: cloudEventHead(event.cloudEvent) }),
    ...(event.headers !== null && { h: event.headers }),
    ...(event.erased === true && { er: true }),
  };
}

const cloudEventHead = ({ id, dataSchema, time, extensions }: CloudEventContext): CloudEventHead => ({
  id,
  ...(dataSchema !== null && { ds: dataSchema }),
  ...(time !== null && { t: time }),
  ...(Object.keys(extensions).length > 0 && { x: extensions }),
});
