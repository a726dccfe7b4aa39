import type { Format } from "../core/body.ts";
import type { Problem } from "../core/errors.ts";
import type { LogEvent } from "../core/event.ts";
import type { Filter } from "../core/filter.ts";
import type { LatencyBins } from "../core/latency.ts";
import type { Ordering } from "../core/ordering.ts";
import type { Result } from "../core/result.ts";
import type { Erased, Start, Wake, WakeAnswer } from "../topic-log/rpc.ts";

export type { Format, Ordering };
export type Trigger = "fan-out" | "retry" | "probe" | "manual" | "redrive" | "seek" | "test";
export type AttemptErrorCode =
  | "timeout"
  | "dns"
  | "connection"
  | "tls"
  | "reset"
  | "status"
  | "redirect"
  | "denied"
  | "response";
export type DeadReason = "exhausted" | "aborted" | "expired";
export type DeliveryState = "pending" | "delivering" | "retrying" | "held" | "delivered" | "dead" | "cancelled";

export interface RetryPolicy {
  readonly scheduleSeconds: readonly number[];
  readonly jitter: number;
  readonly onExhausted: "continue" | "hold-key";
  readonly holdAfterFailures: number | null;
}

/** Sends go together, in one request (API clauses 5.1, 6.2). */
export interface BatchPolicy {
  readonly maxEvents: number;
  /** How long the oldest of them may wait for others. */
  readonly maxWaitMilliseconds: number;
}

/** A secret that signs; `expiresAt` (Unix ms) while it is in the grace of a rotation. */
export interface SealedSecret {
  readonly ciphertext: string;
  readonly expiresAt: number | null;
}

/** What a user sets. Secrets and header values are ciphertexts (src/core/vault.ts): the object never sees them open. */
export interface SubscriptionConfig {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly topic: string;
  readonly url: string;
  readonly description: string;
  readonly filter: Filter;
  readonly ordering: Ordering;
  readonly format: Format;
  /** Lower-case name → ciphertext of the value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly concurrency: number;
  /** Requests begun a second, evenly spaced; null = as fast as may be. */
  readonly rateLimit: { readonly perSecond: number } | null;
  readonly batch: BatchPolicy | null;
  readonly retry: RetryPolicy;
  readonly disableAfterSeconds: number | null;
  /** The name of the gateway by which the url, asked in a handshake, allowed it to send; absent or null: it was not asked. */
  readonly webhookOrigin?: string | null;
  /** Newest first. */
  readonly secrets: readonly SealedSecret[];
  /** As it was asked for at creation; shown, never used again. */
  readonly start?: Start;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type SubscriptionPatch = Partial<
  Pick<
    SubscriptionConfig,
    | "url"
    | "description"
    | "filter"
    | "ordering"
    | "format"
    | "headers"
    | "timeoutSeconds"
    | "concurrency"
    | "rateLimit"
    | "batch"
    | "retry"
    | "disableAfterSeconds"
    | "webhookOrigin"
  >
>;

export interface Health {
  readonly state: "healthy" | "failing";
  readonly consecutiveFailures: number;
  readonly failingSince: number | null;
  readonly lastError: { readonly code: AttemptErrorCode; readonly message: string } | null;
  readonly nextProbeAt: number | null;
  readonly lastSuccessAt: number | null;
  readonly lastFailureAt: number | null;
}

export interface SubscriptionView {
  readonly config: SubscriptionConfig;
  readonly state: "active" | "paused" | "disabled";
  readonly disabledReason: string | null;
  readonly cursor: number;
  readonly lag: number;
  readonly oldestUnsettledAt: number | null;
  readonly health: Health;
  readonly redrive: RedriveProgress | null;
}

/** Of the redrives that are not all settled, or of the last one: how many events were brought back, arrived, died again. */
export interface RedriveProgress {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

/** Which dead letters: those of these events, or those that died in [since, until) (Unix ms); all of them. */
export interface LetterSelection {
  readonly eventIds: readonly string[] | null;
  readonly since: number | null;
  readonly until: number | null;
}

export interface SeekAnswer {
  /** The first event that would have been delivered next, and the one that will be. */
  readonly from: number;
  readonly to: number;
  /** Matched events from `to` on. */
  readonly events: number;
  /** Unsettled events that are skipped. */
  readonly cancelled: number;
}

/** One HTTP request to the subscriber, as the delivery log keeps it. */
export interface Attempt {
  readonly id: string;
  readonly number: number;
  readonly trigger: Trigger;
  readonly startedAt: number;
  readonly durationMilliseconds: number | null;
  /** null while it is under way. */
  readonly outcome: "success" | "failure" | "interrupted" | null;
  readonly statusCode: number | null;
  readonly error: { readonly code: AttemptErrorCode; readonly message: string } | null;
  readonly request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyBytes: number;
  };
  readonly response: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly truncated: boolean;
  } | null;
}

export interface Delivery {
  readonly eventId: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly state: DeliveryState;
  readonly attempts: readonly Attempt[];
  readonly nextAttemptAt: number | null;
}

export interface DeliveriesQuery {
  readonly state: DeliveryState | null;
  readonly type: string | null;
  readonly since: number | null;
  readonly until: number | null;
  /** Offsets below this only (the cursor of a list, newest first). */
  readonly before: number | null;
  readonly limit: number;
}

/** Attempts that began in [since, until), Unix ms, by buckets of this length, aligned to it. */
export interface StatsQuery {
  readonly since: number;
  readonly until: number;
  readonly bucketMilliseconds: number;
  /** `next` of the answer before, to go on; null = from the newest. */
  readonly before: number | null;
}

export interface AttemptCounts {
  readonly start: number;
  /** With those under way and those interrupted, which are neither success nor failure. */
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  /** Of the requests that ended. */
  readonly latency: LatencyBins;
}

export interface StatsAnswer {
  /** Those with an attempt, in no order; a bucket may come in several answers. */
  readonly buckets: readonly AttemptCounts[];
  readonly next: number | null;
}

// ---- between the Subscription and its deliverers -----------------------------------------------------------

/** One send handed to a deliverer. */
export interface Send {
  /** Row that records it. */
  readonly lease: number;
  readonly event: LogEvent;
  readonly previous: number;
  readonly attempt: number;
  readonly attemptId: string;
  readonly trigger: Trigger;
  /** Not before this, Unix ms: sends of a part are spaced by the rate limit, within SEND_START_MAX_MS of its lease. */
  readonly startAt: number;
  /** Sent together in one request: all its events, the first of which is `event`. */
  readonly batch: { readonly id: string; readonly events: readonly LogEvent[] } | null;
}

/** Everything a stateless deliverer needs: the sends and where they go. */
export interface Part {
  /** Deliverer's id: the first lease it was handed. */
  readonly deliverer: number;
  readonly subscription: string;
  /** Unix ms of the lease: no send starts later than SEND_START_MAX_MS after it. */
  readonly leasedAt: number;
  /** So many of its sends may be under way at once; the others wait for a place, until SEND_START_MAX_MS after the lease. */
  readonly places: number;
  readonly target: Pick<
    SubscriptionConfig,
    "id" | "tenant" | "topic" | "url" | "format" | "headers" | "timeoutSeconds" | "webhookOrigin"
  > & {
    /** Those that were live at the lease; one whose grace has ended by the send signs no more. */
    readonly secrets: readonly SealedSecret[];
  };
  readonly sends: readonly Send[];
}

/** What came of one send, named by its (first) event. `unsent`: it was never started, its attempt does not count. */
export type SendResult = {
  readonly lease: number;
  readonly offset: number;
  readonly attemptId: string;
} & (
  | { readonly kind: "unsent" }
  | {
      readonly kind: "answered" | "failed";
      readonly startedAt: number;
      readonly durationMilliseconds: number;
      readonly statusCode: number | null;
      readonly error: { readonly code: AttemptErrorCode; readonly message: string } | null;
      readonly bodyBytes: number;
      readonly response: Attempt["response"];
      /** Parsed Retry-After, milliseconds from the answer, capped; null if absent or nonsense. */
      readonly retryAfterMilliseconds: number | null;
      /** `webhook-delivery` of a non-2xx answer. */
      readonly instruction: "disable" | "abort-message" | null;
    }
);

export interface Report {
  readonly deliverer: number;
  readonly results: readonly SendResult[];
  /** How many more sends the deliverer can take; 0 when its life ends. */
  readonly wants: number;
}

/** RPC surface of the Subscription object, named `<tenant>/<id>`. A deleted or unknown one answers `not-found`. */
export interface SubscriptionRpc {
  /** Intent → TopicLog.register → Directory; finishes by itself after a crash. `name-taken` when the name is used. */
  create(config: SubscriptionConfig, start: Start): Promise<Result<SubscriptionView, Problem>>;
  view(): Promise<Result<SubscriptionView, Problem>>;
  patch(patch: SubscriptionPatch): Promise<Result<SubscriptionView, Problem>>;
  pause(): Promise<Result<SubscriptionView, Problem>>;
  resume(): Promise<Result<SubscriptionView, Problem>>;
  /** Durable stop; answers after the barrier. The rest goes by outbox. */
  remove(): Promise<Result<null, Problem>>;
  wake(wake: Wake): Promise<WakeAnswer>;
  retryDue(): Promise<void>;
  report(report: Report): Promise<Part | null>;
  deliveries(
    query: DeliveriesQuery,
  ): Promise<Result<{ deliveries: readonly Delivery[]; next: number | null }, Problem>>;
  delivery(eventId: string): Promise<Result<Delivery, Problem>>;
  deliveryAt(offset: number): Promise<Result<Delivery | null, Problem>>;
  retry(eventId: string): Promise<Result<Delivery, Problem>>;
  cancel(eventId: string): Promise<Result<Delivery, Problem>>;
  /** The new secret signs at once, beside the old ones until their grace ends; without grace it answers after the barrier. */
  rotateSecret(ciphertext: string, graceMilliseconds: number): Promise<Result<{ previousExpiresAt: number }, Problem>>;
  /** Newest first, STATS_SCAN_MAX_BYTES of the delivery log looked at in one call: go on from `next`. */
  stats(query: StatsQuery): Promise<Result<StatsAnswer, Problem>>;
  seek(to: Start, dryRun: boolean): Promise<Result<SeekAnswer, Problem>>;
  /** Dead letters become unsettled events again, at a bounded rate, REDRIVE_MAX_EVENTS at once at most. */
  redrive(selection: LetterSelection): Promise<Result<{ redriven: number }, Problem>>;
  deleteDeadLetters(selection: LetterSelection): Promise<Result<{ deleted: number }, Problem>>;
  /** For a test request (clause 5.5): `conflict` unless it is active. */
  testTarget(): Promise<Result<Part["target"], Problem>>;
  /** The log is about to drop everything up to this offset: what is unsettled there becomes a dead letter. */
  expire(through: number): Promise<void>;
  /** Events up to this offset will be dropped before long: says so, once, if any of them is unsettled. */
  expiring(through: number): Promise<void>;
  /**
   * Payloads are no more: what was read of them is forgotten, and the answers of subscribers to them too. Answers when no
   * request with them can begin any more.
   */
  erased(erased: Erased): Promise<void>;
  /** The dead-letter consumer has indexed these outbox rows. */
  outboxAcknowledged(ids: readonly number[]): Promise<void>;
}
