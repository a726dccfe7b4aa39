import * as v from "valibot";
import { type DeadLetterPosition, readDeadLetterCursor, writeDeadLetterCursor } from "../core/dead-letter-cursor.ts";
import {
  DEAD_LETTER_MAX_MS,
  DEAD_LETTERS_PURGE_MAX_ROWS,
  DEAD_LETTERS_SCAN_MAX_ROWS,
  REMOVED_LETTER_MAX_MS,
} from "../core/limits.ts";
import { deadLetterSchema } from "../core/messages.ts";
import type { Sql, SqlRow } from "../core/sql.ts";
import type { DeadLetter, DeadLetterQuery, LetterIdentity } from "./rpc.ts";

/** What "after every letter" means to an exclusive upper bound. */
const BEYOND_ALL: DeadLetterPosition = { deadAt: Number.MAX_SAFE_INTEGER, subscription: "", partition: 0, offset: 0 };
const CHUNK_ROWS = 200;

/** The tenant-wide index of dead letters. The truth is in the subscriptions; what is here came by messages that may repeat, swap and be late. */
export class DeadLetterStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** A repeat adds nothing, also when the letter has been removed since. */
  add(letters: readonly DeadLetter[], now: number): void {
    this.#sql.transaction(() => {
      for (const letter of letters)
        this.#sql.exec(
          `INSERT INTO dead_letters (dead_at, subscription, "partition", "offset", topic, reason, letter, removed_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING`,
          ...identity(letter),
          letter.topic,
          letter.reason,
          JSON.stringify(letter),
        );
      this.#purge(now);
    });
  }

  /** Takes letters off the list, those too whose message is yet to come. */
  remove(letters: readonly LetterIdentity[], now: number): void {
    this.#sql.transaction(() => {
      for (const letter of letters)
        this.#sql.exec(
          `INSERT INTO dead_letters (dead_at, subscription, "partition", "offset", topic, reason, letter, removed_at)
           VALUES (?, ?, ?, ?, ?, ?, '', ?)
           ON CONFLICT DO UPDATE SET letter = '', removed_at = excluded.removed_at WHERE removed_at IS NULL`,
          ...identity(letter),
          letter.topic,
          letter.reason,
          now,
        );
      this.#purge(now);
    });
  }

  /**
   * Newest first; `since` inclusive, `until` exclusive, on `deadAt`. Looks at a bounded number of rows, so a page may
   * be short or empty with `next` set. An unreadable cursor gives an empty page.
   */
  list(query: DeadLetterQuery): { letters: DeadLetter[]; next: string | null } {
    let before: DeadLetterPosition | null = BEYOND_ALL;
    if (query.until !== null) before = { ...BEYOND_ALL, deadAt: query.until };
    if (query.cursor !== null) before = readDeadLetterCursor(query.cursor);
    if (before === null) return { letters: [], next: null };

    const letters: DeadLetter[] = [];
    for (let scanned = 0; scanned < DEAD_LETTERS_SCAN_MAX_ROWS; scanned += CHUNK_ROWS) {
      const rows = this.#rowsBefore(before, query.since ?? 0);
      for (const row of rows) {
        before = position(row);
        if (!matches(row, query)) continue;
        letters.push(v.parse(deadLetterSchema, JSON.parse(String(row.letter))));
        if (letters.length === query.limit) return { letters, next: this.#nextAfter(before, query) };
      }
      if (rows.length < CHUNK_ROWS) return { letters, next: null };
    }
    return { letters, next: this.#nextAfter(before, query) };
  }

  #rowsBefore(before: DeadLetterPosition, since: number): SqlRow[] {
    return this.#sql.exec(
      `SELECT dead_at, subscription, "partition", "offset", topic, reason, letter, removed_at,
              EXISTS (SELECT 1 FROM subscriptions WHERE id = dead_letters.subscription) AS subscribed
       FROM dead_letters
       WHERE (dead_at, subscription, "partition", "offset") < (?, ?, ?, ?) AND dead_at >= ?
       ORDER BY dead_at DESC, subscription DESC, "partition" DESC, "offset" DESC LIMIT ?`,
      before.deadAt,
      before.subscription,
      before.partition,
      before.offset,
      since,
      CHUNK_ROWS,
    );
  }

  /** The cursor to go on from, or null when nothing at all comes after. */
  #nextAfter(at: DeadLetterPosition, query: DeadLetterQuery): string | null {
    return this.#rowsBefore(at, query.since ?? 0).length === 0 ? null : writeDeadLetterCursor(at);
  }

  /** Bounded: what is left over goes with the next change. */
  #purge(now: number): void {
    this.#sql.exec(
      `DELETE FROM dead_letters WHERE (dead_at, subscription, "partition", "offset") IN (
         SELECT dead_at, subscription, "partition", "offset" FROM dead_letters WHERE removed_at < ? LIMIT ?)`,
      now - REMOVED_LETTER_MAX_MS,
      DEAD_LETTERS_PURGE_MAX_ROWS,
    );
    this.#sql.exec(
      `DELETE FROM dead_letters WHERE (dead_at, subscription, "partition", "offset") IN (
         SELECT dead_at, subscription, "partition", "offset" FROM dead_letters WHERE dead_at < ? LIMIT ?)`,
      now - DEAD_LETTER_MAX_MS,
      DEAD_LETTERS_PURGE_MAX_ROWS,
    );
  }
}

const identity = (letter: LetterIdentity): [number, string, number, number] => [
  letter.deadAt,
  letter.subscription,
  letter.partition,
  letter.offset,
];

const position = (row: SqlRow): DeadLetterPosition => ({
  deadAt: Number(row.dead_at),
  subscription: String(row.subscription),
  partition: Number(row.partition),
  offset: Number(row.offset),
});

const matches = (row: SqlRow, query: DeadLetterQuery): boolean =>
  row.removed_at === null &&
  row.subscribed === 1 &&
  (query.topic === null || row.topic === query.topic) &&
  (query.subscription === null || row.subscription === query.subscription) &&
  (query.reason === null || row.reason === query.reason);
