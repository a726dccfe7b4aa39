import type { LogEvent } from "./event.ts";
import { spanId, traceId } from "./ids.ts";

/** What is shown in place of a signature or of a custom header's value. */
const HIDDEN = "***";
/** W3C trace context: version 00, and the flag that says the trace is sampled. */
const TRACE_VERSION = "00";
const TRACE_SAMPLED = "01";

export interface RequestHeadersInput {
  /** The attempt: a `Send` of src/subscription/rpc.ts. */
  readonly send: {
    readonly event: Pick<LogEvent, "id" | "key" | "hops" | "partition" | "offset">;
    /** Offset this subscription matched before this one in the partition; 0 for none. */
    readonly previous: number;
    readonly attempt: number;
    readonly attemptId: string;
    readonly trigger: string;
    /** The batch whose first event is `event`: its id, and what is read of its events. null: the event goes alone. */
    readonly batch: { readonly id: string; readonly events: readonly Pick<LogEvent, "hops">[] } | null;
  };
  /** `webhookOrigin`: by which the subscriber allowed the gateway to send, where it was asked (5.1 `verification`). */
  readonly target: { readonly id: string; readonly topic: string; readonly webhookOrigin?: string | null };
  /** Of the gateway. */
  readonly version: string;
  /** Whole Unix seconds of the attempt: the `webhook-timestamp` that is signed. */
  readonly timestampSeconds: number;
  readonly contentType: string;
}

/** What a receiver knows a request by, the same over all attempts; it is signed. */
export const webhookId = ({ event, batch }: RequestHeadersInput["send"]): string => batch?.id ?? event.id;

/**
 * Every header of a delivery that the gateway sets (API clause 6.1) but the signature, names in lower case. Made of its
 * arguments alone, so that the delivery log can show what was sent without storing it.
 *
 * A batch (6.2) has an id and a trace of its own, its size, the hops of the event that has come furthest, and the offset
 * and previous offset of its first event; no `sluice-key`, as its events have different ones. The event of a test (5.5)
 * is in no log, so nothing says where it lies.
 */
export function requestHeaders({
  send,
  target,
  version,
  timestampSeconds,
  contentType,
}: RequestHeadersInput): Record<string, string> {
  const { event, batch } = send;
  const id = webhookId(send);
  const hops = Math.max(...(batch?.events ?? [event]).map((member) => member.hops));
  return {
    "content-type": contentType,
    "user-agent": `Sluice/${version}`,
    // Little of an answer is read, so there is nothing to gain from compression, and no bomb to inflate.
    "accept-encoding": "identity",
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "sluice-topic": target.topic,
    "sluice-subscription": target.id,
    ...(send.trigger === "test" ? {} : placeHeaders(send)),
    "sluice-attempt": String(send.attempt),
    "sluice-trigger": send.trigger,
    ...(batch ? { "sluice-batch-size": String(batch.events.length) } : keyHeader(event.key)),
    "sluice-hops": String(hops + 1),
    ...(typeof target.webhookOrigin === "string" && { "webhook-request-origin": target.webhookOrigin }),
    traceparent: traceParent(id, send.attemptId),
  };
}

const placeHeaders = ({ event, previous }: RequestHeadersInput["send"]): Record<string, string> => ({
  "sluice-partition": String(event.partition),
  "sluice-offset": String(event.offset),
  "sluice-previous-offset": String(previous),
});

const keyHeader = (key: string | null): Record<string, string> =>
  key === null ? {} : { "sluice-key": encodeURIComponent(key) };

/**
 * All headers of a request as the delivery log shows them, those of its event (event-headers.ts) included: signature and
 * custom headers are named, their values hidden.
 */
export function redactedHeaders(
  input: RequestHeadersInput,
  customHeaderNames: readonly string[],
  eventHeaders: Readonly<Record<string, string>> | null,
): Record<string, string> {
  const custom = customHeaderNames.map((name) => [name, HIDDEN] as const);
  return { ...eventHeaders, ...Object.fromEntries(custom), ...requestHeaders(input), "webhook-signature": HIDDEN };
}

/** One trace for all attempts of an event or batch, one span for each attempt. */
const traceParent = (id: string, attemptId: string): string =>
  `${TRACE_VERSION}-${traceId(id)}-${spanId(attemptId)}-${TRACE_SAMPLED}`;
