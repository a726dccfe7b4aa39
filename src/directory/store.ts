import { type Problem, problem } from "../core/errors.ts";
import { SUBSCRIPTIONS_PER_TOPIC_MAX, TOPICS_MAX } from "../core/limits.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Sql, SqlRow } from "../core/sql.ts";
import type { SubscriptionEntry } from "./rpc.ts";

/** The names of a tenant, and single facts about it. Dead letters have a store of their own. */
export class DirectoryStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Idempotent. `limit-reached` at TOPICS_MAX, which does not stop the gateway's own. */
  putTopic(name: string): Result<null, Problem> {
    return this.#sql.transaction(() => {
      if (this.hasTopic(name)) return ok(null);
      if (name !== EVENTS_TOPIC && this.#count("SELECT count(*) AS n FROM topics") >= TOPICS_MAX)
        return err(problem("limit-reached", `A tenant can have ${TOPICS_MAX} topics. Delete one that is not needed.`));
      this.#sql.exec("INSERT INTO topics (name) VALUES (?)", name);
      return ok(null);
    });
  }

  hasTopic(name: string): boolean {
    return this.#sql.exec("SELECT 1 FROM topics WHERE name = ?", name).length > 0;
  }

  /** Names after `after`, ascending. */
  topics(after: string | null, limit: number): string[] {
    return this.#sql
      .exec("SELECT name FROM topics WHERE name > ? ORDER BY name LIMIT ?", after ?? "", limit)
      .map((row) => String(row.name));
  }

  removeTopic(name: string): void {
    this.#sql.exec("DELETE FROM topics WHERE name = ?", name);
  }

  /** Idempotent for the same id. */
  putSubscription(entry: SubscriptionEntry): Result<null, Problem> {
    return this.#sql.transaction(() => {
      const [holder] = this.#sql.exec("SELECT id FROM subscriptions WHERE name = ?", entry.name);
      if (holder !== undefined && holder.id !== entry.id)
        return err(problem("name-taken", `Another subscription has the name "${entry.name}". Choose another name.`));
      if (holder !== undefined) return ok(null);
      const ofTopic = this.#count("SELECT count(*) AS n FROM subscriptions WHERE topic = ?", entry.topic);
      if (ofTopic >= SUBSCRIPTIONS_PER_TOPIC_MAX)
        return err(
          problem(
            "limit-reached",
            `A topic can have ${SUBSCRIPTIONS_PER_TOPIC_MAX} subscriptions. Delete one that is not needed.`,
          ),
        );
      this.#sql.exec("INSERT INTO subscriptions (id, name, topic) VALUES (?, ?, ?)", entry.id, entry.name, entry.topic);
      return ok(null);
    });
  }

  removeSubscription(id: string): void {
    this.#sql.exec("DELETE FROM subscriptions WHERE id = ?", id);
  }

  /** An id goes before a name that looks like it. */
  subscription(idOrName: string): SubscriptionEntry | null {
    const [byId] = this.#sql.exec("SELECT id, name, topic FROM subscriptions WHERE id = ?", idOrName);
    const [found] = byId
      ? [byId]
      : this.#sql.exec("SELECT id, name, topic FROM subscriptions WHERE name = ?", idOrName);
    return found === undefined ? null : toEntry(found);
  }

  /** Ids after `after`, ascending; of one topic or of all. */
  subscriptions(topic: string | null, after: string | null, limit: number): SubscriptionEntry[] {
    const rows =
      topic === null
        ? this.#sql.exec(
            "SELECT id, name, topic FROM subscriptions WHERE id > ? ORDER BY id LIMIT ?",
            after ?? "",
            limit,
          )
        : this.#sql.exec(
            "SELECT id, name, topic FROM subscriptions WHERE topic = ? AND id > ? ORDER BY id LIMIT ?",
            topic,
            after ?? "",
            limit,
          );
    return rows.map(toEntry);
  }

  /**
   * Whether `keyId` is the key of this tenant's ciphertexts: the first one seen is. One whose `previousKeyId` is the
   * known one takes its place (a rotation).
   */
  checkEncryptionKey(keyId: string, previousKeyId: string | null): "match" | "mismatch" {
    return this.#sql.transaction(() => {
      const [known] = this.#sql.exec("SELECT value FROM meta WHERE name = 'encryption-key'");
      if (known?.value === keyId) return "match";
      if (known !== undefined && known.value !== previousKeyId) return "mismatch";
      this.#putMeta("encryption-key", keyId);
      return "match";
    });
  }

  /** Writes a row, for the sake of having written. */
  writeProbe(now: number): void {
    this.#putMeta("probe", String(now));
  }

  /** The key there is, else `fresh` from now on. */
  sourceTokenKey(fresh: string): string {
    return this.#sql.transaction(() => {
      const [known] = this.#sql.exec("SELECT value FROM meta WHERE name = 'source-token-key'");
      if (known !== undefined) return String(known.value);
      this.#putMeta("source-token-key", fresh);
      return fresh;
    });
  }

  demoMode(receiver: string): string | null {
    const [row] = this.#sql.exec("SELECT mode FROM demo_modes WHERE receiver = ?", receiver);
    return row === undefined ? null : String(row.mode);
  }

  setDemoMode(receiver: string, mode: string): void {
    this.#sql.exec(
      "INSERT INTO demo_modes (receiver, mode) VALUES (?, ?) ON CONFLICT DO UPDATE SET mode = excluded.mode",
      receiver,
      mode,
    );
  }

  #putMeta(name: string, value: string): void {
    this.#sql.exec(
      "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  #count(select: string, ...bindings: string[]): number {
    return Number(this.#sql.exec(select, ...bindings)[0]?.n ?? 0);
  }
}

const toEntry = (row: SqlRow): SubscriptionEntry => ({
  id: String(row.id),
  name: String(row.name),
  topic: String(row.topic),
});
