import { DurableObject } from "cloudflare:workers";
import { encodeBase64Url } from "../core/base64.ts";
import type { Problem } from "../core/errors.ts";
import { HEALTH_PROBE_EVERY_MS } from "../core/limits.ts";
import { ok, type Result } from "../core/result.ts";
import { calling, topicLog } from "../rpc/objects.ts";
import { durableSql } from "../storage/durable-sql.ts";
import { migrate } from "../storage/migrate.ts";
import type { TopicSettings } from "../topic-log/rpc.ts";
import { DeadLetterStore } from "./dead-letter-store.ts";
import { directoryMigrations } from "./migrations.ts";
import type {
  DeadLetter,
  DeadLetterQuery,
  DirectoryRpc,
  LetterIdentity,
  SourceChanges,
  SourceCounts,
  SourceEntry,
  SourceView,
  SubscriptionEntry,
} from "./rpc.ts";
import { SourceStore } from "./source-store.ts";
import { DirectoryStore } from "./store.ts";

const TOKEN_KEY_BYTES = 32;

/**
 * What a tenant has: names of topics and subscriptions, its sources, and the index of its dead letters. One object a tenant, so it
 * is never on the road of an event: publishing asks it only when a topic does not exist.
 */
export class Directory extends DurableObject<Env> implements DirectoryRpc {
  readonly #store: DirectoryStore;
  readonly #sources: SourceStore;
  readonly #deadLetters: DeadLetterStore;
  #probedAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sql = durableSql(ctx.storage);
    migrate(sql, directoryMigrations);
    this.#store = new DirectoryStore(sql);
    this.#sources = new SourceStore(sql);
    this.#deadLetters = new DeadLetterStore(sql);
  }

  /**
   * The name first, then the log: after a crash between them the next call finds the name and makes the log, while a
   * log without a name could never be listed or deleted.
   */
  async ensureTopic(topic: string, settings: TopicSettings): Promise<Result<{ created: boolean }, Problem>> {
    const named = this.#store.putTopic(topic);
    if (!named.ok) return named;
    const made = await calling(() => topicLog(this.env, this.#tenant(), topic).create(settings));
    if (!made.ok) return made;
    // A removal may have come between: the log exists again, so must its name. Costs nothing when it does.
    const renamed = this.#store.putTopic(topic);
    return renamed.ok ? ok({ created: made.value.created }) : renamed;
  }

  async hasTopic(topic: string): Promise<boolean> {
    return this.#store.hasTopic(topic);
  }

  async topics(after: string | null, limit: number): Promise<{ topics: readonly string[]; next: string | null }> {
    const { page, next } = pageOf(this.#store.topics(after, limit + 1), limit, (name) => name);
    return { topics: page, next };
  }

  async removeTopic(topic: string): Promise<void> {
    this.#store.removeTopic(topic);
  }

  async putSubscription(entry: SubscriptionEntry): Promise<Result<null, Problem>> {
    return this.#store.putSubscription(entry);
  }

  async removeSubscription(id: string): Promise<void> {
    this.#store.removeSubscription(id);
  }

  async subscription(idOrName: string): Promise<SubscriptionEntry | null> {
    return this.#store.subscription(idOrName);
  }

  async subscriptions(
    topic: string | null,
    after: string | null,
    limit: number,
  ): Promise<{ subscriptions: readonly SubscriptionEntry[]; next: string | null }> {
    const { page, next } = pageOf(this.#store.subscriptions(topic, after, limit + 1), limit, (entry) => entry.id);
    return { subscriptions: page, next };
  }

  async putSource(entry: SourceEntry): Promise<Result<null, Problem>> {
    return this.#sources.put(entry);
  }

  async updateSource(id: string, changes: SourceChanges): Promise<SourceView | null> {
    return this.#sources.update(id, changes, Date.now());
  }

  async removeSource(id: string): Promise<boolean> {
    return this.#sources.remove(id);
  }

  async source(idOrName: string): Promise<SourceView | null> {
    return this.#sources.find(idOrName);
  }

  async sourceByToken(token: string): Promise<SourceEntry | null> {
    return this.#sources.byToken(token);
  }

  async sources(after: string | null, limit: number): Promise<{ sources: readonly SourceView[]; next: string | null }> {
    const { page, next } = pageOf(this.#sources.list(after, limit + 1), limit, (source) => source.id);
    return { sources: page, next };
  }

  async countSource(id: string, counts: SourceCounts): Promise<void> {
    this.#sources.count(id, counts);
  }

  async sourceTokenKey(): Promise<string> {
    return this.#store.sourceTokenKey(encodeBase64Url(crypto.getRandomValues(new Uint8Array(TOKEN_KEY_BYTES))));
  }

  async indexDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    this.#deadLetters.add(letters, Date.now());
  }

  async removeDeadLetters(letters: readonly LetterIdentity[]): Promise<void> {
    this.#deadLetters.remove(letters, Date.now());
  }

  async deadLetters(query: DeadLetterQuery): Promise<{ letters: readonly DeadLetter[]; next: string | null }> {
    return this.#deadLetters.list(query);
  }

  async checkEncryptionKey(keyId: string, previousKeyId: string | null): Promise<"match" | "mismatch"> {
    return this.#store.checkEncryptionKey(keyId, previousKeyId);
  }

  async probeWrite(): Promise<boolean> {
    const now = Date.now();
    if (Math.abs(now - this.#probedAt) < HEALTH_PROBE_EVERY_MS) return true;
    try {
      this.#store.writeProbe(now);
      await this.ctx.storage.sync();
    } catch {
      return false;
    }
    this.#probedAt = now;
    return true;
  }

  async demoMode(receiver: string): Promise<string> {
    return this.#store.demoMode(receiver) ?? "default";
  }

  async setDemoMode(receiver: string, mode: string): Promise<void> {
    this.#store.setDemoMode(receiver, mode);
  }

  #tenant(): string {
    const tenant = this.ctx.id.name;
    if (tenant === undefined) throw new Error("A Directory is reached by its name only.");
    return tenant;
  }
}

/** A page of `limit` from a list that was asked for one more; the last one's key continues it. */
function pageOf<T>(found: readonly T[], limit: number, keyOf: (item: T) => string) {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { page, next: found.length > limit && last !== undefined ? keyOf(last) : null };
}
