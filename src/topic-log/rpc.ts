import type { Problem } from "../core/errors.ts";
import type { AppendedEvent, AppendRequest, LogEvent } from "../core/event.ts";
import type { EventTypes } from "../core/event-types.ts";
import type { Filter } from "../core/filter.ts";
import type { Result } from "../core/result.ts";

/** Where a new subscription begins. `offset` is the first one delivered; `time` is Unix milliseconds. */
export type Start = "latest" | "earliest" | { readonly offset: number } | { readonly time: number };

export interface TopicSettings {
  readonly description: string;
  readonly retentionDays: number;
  readonly retentionBytes: number | null;
  readonly types: EventTypes;
}

/** All but the types, which may be large: they are asked for by themselves. */
export interface PartitionDescription extends Omit<TopicSettings, "types"> {
  readonly partition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly bytes: number;
  readonly createdAt: number;
  readonly subscriptions: number;
}

/** What events must be, and how many were not and passed (mode `warn`), by type. */
export interface TypesDescription {
  readonly types: EventTypes;
  readonly warnings: Readonly<Record<string, number>>;
}

/** A matched event with the offset its subscription matched before it (0: none since its start). */
export interface Matched {
  readonly event: LogEvent;
  readonly previous: number;
}

/** What a Subscription asks of its log, in one call. */
export interface FetchRequest {
  readonly subscription: string;
  /** Who asks: when the asking object woke, Unix ms. A call of an earlier one may arrive late; it is answered, and means nothing. */
  readonly incarnation: number;
  readonly filterVersion: number;
  /** Fresh events after this offset; null = none wanted. */
  readonly after: number | null;
  /** Offsets whose events are needed again (retries). */
  readonly offsets: readonly number[];
  /** Blocked keys: the first match at or after `from`, not beyond `to`. */
  readonly lanes: readonly { readonly key: string; readonly from: number; readonly to: number }[];
  /** The subscription's start or last seek: `previous` is never below it. */
  readonly floor: number;
  readonly maxEvents: number;
}

export interface FetchAnswer {
  readonly fresh: readonly LogEvent[];
  /** Everything up to here was looked at for `fresh`. */
  readonly scannedTo: number;
  /** The newest offset. When scannedTo equals it and fresh is empty, the log will wake the subscription from now on. */
  readonly head: number;
  readonly firstOffset: number;
  /** Those of `offsets` that are still in the log. */
  readonly found: readonly LogEvent[];
  readonly lanes: readonly {
    readonly key: string;
    readonly match: Matched | null;
    /** Looked at up to here; continue after it while it is below `to`. */
    readonly scannedTo: number;
  }[];
}

export interface ReadQuery {
  readonly after: number | null;
  readonly before: number | null;
  readonly since: number | null;
  readonly until: number | null;
  readonly order: "asc" | "desc";
  /** A type pattern as in filters: exact, `order.*` or `*`. */
  readonly type: string | null;
  readonly key: string | null;
  readonly limit: number;
}

export interface ReadAnswer {
  readonly events: readonly LogEvent[];
  /** The offset to continue from (exclusive, as `after` or `before` by the order), or null at the end. */
  readonly next: number | null;
  readonly firstOffset: number;
  readonly nextOffset: number;
}

export interface FilterTestQuery {
  readonly filter: Filter;
  /** Offsets beyond this one; null: from the first. */
  readonly after: number | null;
  /** Received then or later, Unix ms. */
  readonly since: number | null;
  readonly limit: number;
}

export interface FilterTestAnswer {
  readonly events: readonly LogEvent[];
  /** How many events were looked at. */
  readonly scanned: number;
  /** The offset to continue after, or null at the end. */
  readonly next: number | null;
}

export type Peeked = Pick<LogEvent, "id" | "offset" | "type" | "key">;

export interface PeekAnswer {
  readonly events: readonly Peeked[];
  /** Everything up to here was looked at. */
  readonly scannedTo: number;
  /** The newest offset. */
  readonly head: number;
}

/** Events in (after, through]; of those at or below `cursor` only what waits in a lane: at or after the lane's offset. */
export interface CountRange {
  readonly after: number;
  readonly through: number;
  readonly cursor: number;
  readonly lanes: readonly (readonly [key: string, next: number])[];
}

export interface EraseQuery {
  readonly key: string;
  /** Offsets beyond this one. */
  readonly after: number;
}

export interface EraseAnswer {
  /** How many events of the key were met; those erased before count too. */
  readonly events: number;
  /** The offset to continue after, or null at the end. */
  readonly next: number | null;
}

/** Told to subscriptions: the payloads at these offsets are no more. */
export interface Erased {
  readonly offsets: readonly number[];
  /** When, by the clock of the log, Unix ms: a wake made before may carry what is erased. */
  readonly at: number;
}

/** A wake: what was committed since the subscription was last told, as far as it matches. */
export interface Wake {
  /** The log believes the subscription has scanned up to here; null when it does not know (after a restart). */
  readonly scannedFrom: number | null;
  readonly scannedTo: number;
  readonly filterVersion: number;
  /** null when too large to send along: pull. */
  readonly events: readonly LogEvent[] | null;
  /** When it was made, by the clock of the log, Unix ms. */
  readonly at: number;
}

/** What a woken subscription says of itself. push: it has what it was told. pull: it comes by itself. gone: forget it. */
export interface WakeAnswer {
  readonly mode: "push" | "pull" | "gone";
  /** As in FetchRequest. */
  readonly incarnation: number;
}

/** RPC surface of the TopicLog object, named `<tenant>/<topic>/<partition>`. Unknown or deleted topic: `not-found`. */
export interface TopicLogRpc {
  create(settings: TopicSettings): Promise<Result<{ created: boolean; description: PartitionDescription }, Problem>>;
  configure(settings: Partial<TopicSettings>): Promise<Result<PartitionDescription, Problem>>;
  describe(): Promise<Result<PartitionDescription, Problem>>;
  types(): Promise<Result<TypesDescription, Problem>>;
  append(request: AppendRequest): Promise<Result<readonly AppendedEvent[], Problem>>;
  read(query: ReadQuery): Promise<Result<ReadAnswer, Problem>>;
  /** Runs a filter over the log as deliveries would, changing nothing. */
  testFilter(query: FilterTestQuery): Promise<Result<FilterTestAnswer, Problem>>;
  event(id: string): Promise<Result<LogEvent, Problem>>;
  /**
   * Erases the payload of an event (API clause 4.9) and answers with what is left. Done again where it was done before:
   * an answer means that every subscription has forgotten it, too. `unavailable` where one could not be reached.
   */
  erase(id: string): Promise<Result<LogEvent, Problem>>;
  /** The same for the events of a key, a bounded number in one call. */
  eraseKey(query: EraseQuery): Promise<Result<EraseAnswer, Problem>>;
  /** Subscriptions whose filter matches the event and whose start is not beyond it, ids ascending. */
  matching(
    id: string,
    afterSubscription: string | null,
    limit: number,
  ): Promise<Result<{ offset: number; subscriptions: readonly string[]; next: string | null }, Problem>>;
  register(
    subscription: string,
    filter: Filter,
    filterVersion: number,
    start: Start,
  ): Promise<Result<{ cursor: number; head: number }, Problem>>;
  setFilter(subscription: string, filter: Filter, filterVersion: number): Promise<Result<null, Problem>>;
  unregister(subscription: string): Promise<Result<null, Problem>>;
  fetchFor(request: FetchRequest): Promise<Result<FetchAnswer, Problem>>;
  /** Matched events after `after`, without their data, changing nothing: what a delivery log shows as pending. */
  peekFor(subscription: string, after: number, limit: number): Promise<Result<PeekAnswer, Problem>>;
  /** The offset of the event matched before this one, not below `floor`; 0 for none. */
  previousFor(subscription: string, offset: number, floor: number): Promise<Result<number, Problem>>;
  /**
   * The offset before the first event of `to`, for a seek. Unless it is a dry run the registration begins there from now
   * on, if it began later. `invalid` beyond the head, `log-truncated` below the first.
   */
  locate(subscription: string, to: Start, dryRun: boolean): Promise<Result<{ cursor: number; head: number }, Problem>>;
  /** Counts matched events, COUNT_SCAN_MAX_EVENTS looked at in one call: go on after `scannedTo` while it is below `through`. */
  countFor(subscription: string, range: CountRange): Promise<Result<{ count: number; scannedTo: number }, Problem>>;
  /** Events received in [since, until), by buckets of this length (Unix ms, aligned to it); empty ones are left out. */
  eventCounts(
    since: number,
    until: number,
    bucketMilliseconds: number,
  ): Promise<Result<readonly { readonly start: number; readonly events: number }[], Problem>>;
  /** Tombstone: events, idempotency and registrations go, offsets continue should the topic be created again. */
  destroy(force: boolean): Promise<Result<{ subscriptions: readonly string[] }, Problem>>;
}
