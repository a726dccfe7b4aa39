/** The types of CloudEvents attributes that JSON has; the others are strings there. */
export type ExtensionValue = string | number | boolean;

/** The attributes of a CloudEvent (1.0, section "Context Attributes") that have no place of their own in an event. */
export interface CloudEventContext {
  readonly id: string;
  /** `dataschema`. */
  readonly dataSchema: string | null;
  /** `time` as it was sent, to the last digit; null where there was none. */
  readonly time: string | null;
  /** By name, in the order in which they came. */
  readonly extensions: Readonly<Record<string, ExtensionValue>>;
}

/** An event as a producer gave it, after validation and before it has a place in the log. */
export interface NewEvent {
  readonly type: string;
  /** Ordering key: events of one key are delivered one after the other. 1..256 bytes of UTF-8. */
  readonly key: string | null;
  /** RFC 3339 with milliseconds, UTC; null = the moment of receipt. */
  readonly time: string | null;
  readonly source: string | null;
  readonly subject: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  /** What the event is as a CloudEvent; null when it was not sent as one. */
  readonly cloudEvent: CloudEventContext | null;
  /** Headers of the request that are kept with it (those of a source's provider), names in lower case; null for none. */
  readonly headers: Readonly<Record<string, string>> | null;
  /** Media type of `data` as it was sent; `application/json` for the JSON forms. */
  readonly contentType: string;
  /** How many gateways the event has passed already (`sluice-hops` of the publish). */
  readonly hops: number;
  /** The very bytes of the `data` member, or of the body: never re-serialised. */
  readonly data: Uint8Array;
}

/** An event in the log. Its identity is (tenant, topic, partition, offset); `id` encodes the last two and the time. */
export interface LogEvent extends NewEvent {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  /** Unix milliseconds of the commit. */
  readonly receivedAt: number;
  /** RFC 3339; the producer's, else that of receipt. */
  readonly time: string;
  /** Its payload was erased (src/core/erased-event.ts); absent: it was not. */
  readonly erased?: true;
}

/** What makes a publish, or an event of it, the same as an earlier one. */
export interface IdempotencyClaim {
  readonly key: string;
  /** Digest of what was sent under the key (content type and bytes): other bytes are a conflict. null: any bytes are a duplicate. */
  readonly fingerprint: string | null;
}

export interface AppendRequest {
  readonly events: readonly (NewEvent & { readonly idempotency: IdempotencyClaim | null })[];
  /** `Idempotency-Key` of the whole request; then an event has at most one that looks at no bytes. */
  readonly idempotency: IdempotencyClaim | null;
  /** `sluice-request-id` of the publish: the commit's log line names it. null: not from a request. */
  readonly requestId: string | null;
  /**
   * Where the data of a single event stands in the body that was sent, as a pointer: what a refusal by the schema of its
   * type points into. Left out: a batch, `#/<index>/data`.
   */
  readonly dataPointer?: string;
  /** `Sluice-Expected-Offset`, only for a single event. */
  readonly expectedOffset: number | null;
}

export interface AppendedEvent {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly time: string;
  readonly duplicate: boolean;
}
