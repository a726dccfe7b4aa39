import { type Problem, problem } from "../core/errors.ts";
import { SOURCES_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Sql, SqlRow } from "../core/sql.ts";
import type { SourceChanges, SourceCounts, SourceEntry, SourceView } from "./rpc.ts";

/** The sources of a tenant, and what they counted. */
export class SourceStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  put(entry: SourceEntry): Result<null, Problem> {
    return this.#sql.transaction(() => {
      const [holder] = this.#sql.exec("SELECT id FROM sources WHERE name = ?", entry.name);
      if (holder !== undefined) {
        return err(problem("name-taken", "Another source has this name. Choose another name, or PUT it."));
      }
      const count = Number(this.#sql.exec("SELECT count(*) AS n FROM sources")[0]?.n ?? 0);
      if (count >= SOURCES_MAX) {
        return err(
          problem("limit-reached", `A tenant can have ${SOURCES_MAX} sources. Delete one that is not needed.`),
        );
      }
      this.#sql.exec(
        `INSERT INTO sources (id, name, token, topic, provider, secrets, options, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[entry.id, entry.name, entry.token, entry.topic, entry.provider],
        ...[entry.secrets, JSON.stringify(entry.options), entry.createdAt, entry.updatedAt],
      );
      return ok(null);
    });
  }

  update(id: string, { topic, secrets, options }: SourceChanges, now: number): SourceView | null {
    this.#sql.exec(
      `UPDATE sources SET topic = coalesce(?, topic), secrets = coalesce(?, secrets), options = coalesce(?, options),
         updated_at = ? WHERE id = ?`,
      topic ?? null,
      secrets ?? null,
      options === undefined ? null : JSON.stringify(options),
      now,
      id,
    );
    return this.find(id);
  }

  remove(id: string): boolean {
    return this.#sql.exec("DELETE FROM sources WHERE id = ? RETURNING id", id).length > 0;
  }

  /** An id goes before a name that looks like it. */
  find(idOrName: string): SourceView | null {
    const [byId] = this.#sql.exec("SELECT * FROM sources WHERE id = ?", idOrName);
    const [found] = byId ? [byId] : this.#sql.exec("SELECT * FROM sources WHERE name = ?", idOrName);
    return found === undefined ? null : toView(found);
  }

  byToken(token: string): SourceEntry | null {
    const [found] = this.#sql.exec("SELECT * FROM sources WHERE token = ?", token);
    return found === undefined ? null : toEntry(found);
  }

  /** Ids after `after`, ascending. */
  list(after: string | null, limit: number): SourceView[] {
    return this.#sql.exec("SELECT * FROM sources WHERE id > ? ORDER BY id LIMIT ?", after ?? "", limit).map(toView);
  }

  count(id: string, { accepted, refused, duplicates, lastRefusal }: SourceCounts): void {
    this.#sql.exec(
      `UPDATE sources SET accepted = accepted + ?, refused = refused + ?, duplicates = duplicates + ?,
         last_refusal = coalesce(?, last_refusal) WHERE id = ?`,
      accepted,
      refused,
      duplicates,
      lastRefusal === null ? null : JSON.stringify(lastRefusal),
      id,
    );
  }
}

const toEntry = (row: SqlRow): SourceEntry => ({
  id: String(row.id),
  name: String(row.name),
  token: String(row.token),
  topic: String(row.topic),
  provider: String(row.provider),
  secrets: String(row.secrets),
  options: JSON.parse(String(row.options)),
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
});

const toView = (row: SqlRow): SourceView => ({
  ...toEntry(row),
  counts: {
    accepted: Number(row.accepted),
    refused: Number(row.refused),
    duplicates: Number(row.duplicates),
    lastRefusal: row.last_refusal === null ? null : JSON.parse(String(row.last_refusal)),
  },
});
