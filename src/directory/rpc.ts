import type { Problem } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import type { SourceOptions } from "../core/source-options.ts";
import type { AttemptErrorCode, DeadReason } from "../subscription/rpc.ts";
import type { TopicSettings } from "../topic-log/rpc.ts";

export interface SubscriptionEntry {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
}

/** A dead letter as the tenant's index shows it. (subscription, offset) is its identity. */
export interface DeadLetter {
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly subscription: string;
  readonly url: string;
  readonly reason: DeadReason;
  readonly attempts: number;
  /** Unix ms. */
  readonly deadAt: number;
  readonly lastAttempt: {
    readonly startedAt: number;
    readonly statusCode: number | null;
    readonly error: { readonly code: AttemptErrorCode; readonly message: string } | null;
  } | null;
}

/** What tells the index which letter is meant. */
export type LetterIdentity = Pick<DeadLetter, "deadAt" | "subscription" | "partition" | "offset" | "topic" | "reason">;

export interface DeadLetterQuery {
  readonly topic: string | null;
  readonly subscription: string | null;
  readonly reason: DeadReason | null;
  readonly since: number | null;
  readonly until: number | null;
  readonly cursor: string | null;
  readonly limit: number;
}

/** Message of the dead-letter queue. */
export interface DeadLetterMessage {
  readonly version: 1;
  readonly tenant: string;
  readonly subscription: string;
  /** Of the subscription; messages of earlier releases have none. */
  readonly name?: string | undefined;
  /** Outbox row of the subscription, acknowledged once the letter is indexed (`remove`: taken out again). */
  readonly outbox: number;
  readonly action: "add" | "remove";
  readonly letter: DeadLetter;
}

/** Message of the retry queue: a hint to look whether something is due. */
export interface RetryMessage {
  readonly version: 1;
  /** Object name `<tenant>/<id>`. */
  readonly subscription: string;
}

/** A source of webhooks. */
export interface SourceEntry {
  readonly id: string;
  readonly name: string;
  /** The last part of its URL. */
  readonly token: string;
  readonly topic: string;
  /** A name of src/sources/registry.ts. */
  readonly provider: string;
  /** Ciphertext of a JSON array of them. */
  readonly secrets: string;
  readonly options: SourceOptions;
  /** Unix ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a PATCH or PUT may change; what is left out stays as it is. */
export type SourceChanges = Partial<Pick<SourceEntry, "topic" | "secrets" | "options">>;

/** What came to a source's URL. */
export interface SourceCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly duplicates: number;
  readonly lastRefusal: { readonly at: number; readonly reason: string } | null;
}

export interface SourceView extends SourceEntry {
  readonly counts: SourceCounts;
}

/** RPC surface of the Directory object, named `<tenant>`; the one named `*` keeps what concerns the whole gateway. */
export interface DirectoryRpc {
  /** Creates the topic (and its TopicLog) if absent. `limit-reached` at TOPICS_MAX, except for the gateway's own. */
  ensureTopic(topic: string, settings: TopicSettings): Promise<Result<{ created: boolean }, Problem>>;
  hasTopic(topic: string): Promise<boolean>;
  topics(after: string | null, limit: number): Promise<{ topics: readonly string[]; next: string | null }>;
  removeTopic(topic: string): Promise<void>;
  /** Idempotent for the same id. `name-taken` if another id has the name; `limit-reached`. */
  putSubscription(entry: SubscriptionEntry): Promise<Result<null, Problem>>;
  removeSubscription(id: string): Promise<void>;
  /** By id or by name. */
  subscription(idOrName: string): Promise<SubscriptionEntry | null>;
  subscriptions(
    topic: string | null,
    after: string | null,
    limit: number,
  ): Promise<{ subscriptions: readonly SubscriptionEntry[]; next: string | null }>;
  /** `name-taken` if another source has the name; `limit-reached` at SOURCES_MAX. */
  putSource(entry: SourceEntry): Promise<Result<null, Problem>>;
  /** null: there is no such source. */
  updateSource(id: string, changes: SourceChanges): Promise<SourceView | null>;
  /** Whether it was there. */
  removeSource(id: string): Promise<boolean>;
  /** By id or by name. */
  source(idOrName: string): Promise<SourceView | null>;
  sourceByToken(token: string): Promise<SourceEntry | null>;
  sources(after: string | null, limit: number): Promise<{ sources: readonly SourceView[]; next: string | null }>;
  /** Adds to what was counted; of a source that is gone nothing is. */
  countSource(id: string, counts: SourceCounts): Promise<void>;
  /** Of the Directory `*`: the key that seals the tokens of all sources, made at the first call. */
  sourceTokenKey(): Promise<string>;
  indexDeadLetters(letters: readonly DeadLetter[]): Promise<void>;
  removeDeadLetters(letters: readonly LetterIdentity[]): Promise<void>;
  deadLetters(query: DeadLetterQuery): Promise<{ letters: readonly DeadLetter[]; next: string | null }>;
  /** Compares the id of the encryption key with the one first used here. `previous` allows a rotation. */
  checkEncryptionKey(keyId: string, previousKeyId: string | null): Promise<"match" | "mismatch">;
  /** Writes a row: whether storage takes appends. */
  probeWrite(): Promise<boolean>;
  demoMode(receiver: string): Promise<string>;
  setDemoMode(receiver: string, mode: string): Promise<void>;
}
