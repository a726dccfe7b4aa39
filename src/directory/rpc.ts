import type { Problem } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
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
