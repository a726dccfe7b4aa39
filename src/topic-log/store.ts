import type { EventTypes } from "../core/event-types.ts";
import { IDEMPOTENCY_BUCKET_MS, IDEMPOTENCY_WINDOW_MS } from "../core/limits.ts";
import type { Sql, SqlRow, SqlValue } from "../core/sql.ts";
import type { TopicSettings } from "./rpc.ts";

export interface LogRow extends TopicSettings {
  readonly tag: number;
  readonly live: boolean;
  readonly createdAt: number;
  readonly nextOffset: number;
}

export interface Segment {
  readonly id: number;
  readonly firstOffset: number;
  readonly openedAt: number;
  /** Bytes ever appended before this segment: running sums make sizes a subtraction. */
  readonly bytesBefore: number;
}

export interface BlockRow {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly receivedAt: number;
  readonly bytesTotal: number;
}

/** Where an event is in the log. */
export interface Place {
  /** Unix ms of its commit. */
  readonly at: number;
  readonly offset: number;
}

export interface IdempotencyRow extends Place {
  /** null: of a claim that looks at no bytes. */
  readonly fingerprint: string | null;
  /** Of a request of which some events were duplicates, where each is; null: at consecutive offsets from `offset` on. */
  readonly places: readonly Place[] | null;
}

export interface Filling {
  /** Unix ms. */
  readonly since: number;
  /** The operational event is in its log. */
  readonly told: boolean;
}

export interface SubscriberRow {
  readonly id: string;
  readonly filter: string;
  readonly filterVersion: number;
  readonly start: number;
  readonly quietFrom: number;
  readonly quietTo: number;
  readonly removing: boolean;
}

const integer = (value: SqlValue | undefined): number => (typeof value === "number" ? value : 0);
const text = (value: SqlValue | undefined): string => (typeof value === "string" ? value : "");

function eventTypes(value: SqlValue | undefined): EventTypes {
  const types: EventTypes = JSON.parse(text(value) || "{}");
  return types;
}

const blockRow = (row: SqlRow): BlockRow => ({
  firstOffset: integer(row.first_offset),
  lastOffset: integer(row.last_offset),
  receivedAt: integer(row.received_at),
  bytesTotal: integer(row.bytes_total),
});

function readPlaces(value: SqlValue | undefined): readonly Place[] | null {
  if (typeof value !== "string") return null;
  const places: readonly (readonly [at: number, offset: number])[] = JSON.parse(value);
  return places.map(([at, offset]) => ({ at, offset }));
}

const BLOCK_COLUMNS = "first_offset, last_offset, received_at, bytes_total";

/** All the SQL of a TopicLog. No rules here: what to write and when is decided by its callers. */
export class TopicLogStore {
  readonly #sql: Sql;
  /** Bucket numbers of the idempotency tables that exist, newest first. */
  #buckets: number[] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#buckets = sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'idempotency_[0-9]*'")
      .map((row) => Number(text(row.name).slice("idempotency_".length)))
      .sort((a, b) => b - a);
  }

  transaction<T>(run: () => T): T {
    const buckets = [...this.#buckets];
    try {
      return this.#sql.transaction(run);
    } catch (thrown) {
      this.#buckets = buckets;
      throw thrown;
    }
  }

  // ---- the topic itself

  log(): LogRow | null {
    const row = this.#sql.exec("SELECT * FROM log")[0];
    if (row === undefined) return null;
    return {
      tag: integer(row.tag),
      live: row.live === 1,
      createdAt: integer(row.created_at),
      description: text(row.description),
      retentionDays: integer(row.retention_days),
      retentionBytes: typeof row.retention_bytes === "number" ? row.retention_bytes : null,
      types: eventTypes(row.types),
      nextOffset: integer(row.next_offset),
    };
  }

  putLog(log: LogRow): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO log (id, tag, live, created_at, description, retention_days, retention_bytes, types, next_offset)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)`,
      log.tag,
      log.live ? 1 : 0,
      log.createdAt,
      log.description,
      log.retentionDays,
      log.retentionBytes,
      JSON.stringify(log.types),
      log.nextOffset,
    );
  }

  // ---- events that broke the schema of their type, and passed

  warnings(): Readonly<Record<string, number>> {
    const rows = this.#sql.exec("SELECT type, events FROM warnings ORDER BY type");
    return Object.fromEntries(rows.map((row) => [text(row.type), integer(row.events)]));
  }

  addWarnings(type: string, events: number): void {
    this.#sql.exec(
      "INSERT INTO warnings (type, events) VALUES (?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
      type,
      events,
    );
  }

  deleteWarnings(type: string): void {
    this.#sql.exec("DELETE FROM warnings WHERE type = ?", type);
  }

  // ---- segments and blocks

  segments(): Segment[] {
    return this.#sql.exec("SELECT * FROM segments ORDER BY id").map((row) => ({
      id: integer(row.id),
      firstOffset: integer(row.first_offset),
      openedAt: integer(row.opened_at),
      bytesBefore: integer(row.bytes_before),
    }));
  }

  openSegment(segment: Segment): void {
    this.#sql.exec(
      "INSERT INTO segments (id, first_offset, opened_at, bytes_before) VALUES (?, ?, ?, ?)",
      segment.id,
      segment.firstOffset,
      segment.openedAt,
      segment.bytesBefore,
    );
    this.#sql.exec(
      `CREATE TABLE segment_${segment.id} (
         first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, received_at INTEGER NOT NULL,
         bytes_total INTEGER NOT NULL, body BLOB NOT NULL
       )`,
    );
  }

  /** Dropping a table is free, deleting its rows is billed one by one. */
  dropSegment(id: number): void {
    this.#sql.exec(`DROP TABLE segment_${id}`);
    this.#sql.exec("DELETE FROM segments WHERE id = ?", id);
  }

  insertBlock(segment: number, block: BlockRow, body: Uint8Array): void {
    this.#sql.exec(
      `INSERT INTO segment_${segment} (${BLOCK_COLUMNS}, body) VALUES (?, ?, ?, ?, ?)`,
      block.firstOffset,
      block.lastOffset,
      block.receivedAt,
      block.bytesTotal,
      body,
    );
  }

  /** Other events at the same offsets. Sums of bytes stay as they were: they are of what was appended. */
  replaceBlock(segment: number, firstOffset: number, body: Uint8Array): void {
    this.#sql.exec(`UPDATE segment_${segment} SET body = ? WHERE first_offset = ?`, body, firstOffset);
  }

  lastBlock(segment: number): BlockRow | null {
    const row = this.#sql.exec(`SELECT ${BLOCK_COLUMNS} FROM segment_${segment} ORDER BY first_offset DESC LIMIT 1`)[0];
    return row === undefined ? null : blockRow(row);
  }

  /** The block that holds `offset`, without its body; null if the segment has none at or below it. */
  blockAt(segment: number, offset: number): BlockRow | null {
    const row = this.#sql.exec(
      `SELECT ${BLOCK_COLUMNS} FROM segment_${segment} WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1`,
      offset,
    )[0];
    return row === undefined ? null : blockRow(row);
  }

  blockBody(segment: number, firstOffset: number): Uint8Array | null {
    const body = this.#sql.exec(`SELECT body FROM segment_${segment} WHERE first_offset = ?`, firstOffset)[0]?.body;
    return body instanceof ArrayBuffer ? new Uint8Array(body) : null;
  }

  // ---- idempotency: tables of one span of time each, dropped whole

  idempotency(key: string, now: number): IdempotencyRow | null {
    for (const bucket of this.#buckets) {
      const row = this.#sql.exec(
        `SELECT fingerprint, at, first_offset, places FROM idempotency_${bucket} WHERE key = ?`,
        key,
      )[0];
      if (row === undefined) continue;
      const at = integer(row.at);
      if (now - at >= IDEMPOTENCY_WINDOW_MS) return null;
      const fingerprint = text(row.fingerprint);
      return {
        fingerprint: fingerprint === "" ? null : fingerprint,
        ...{ at, offset: integer(row.first_offset), places: readPlaces(row.places) },
      };
    }
    return null;
  }

  putIdempotency(key: string, row: IdempotencyRow): void {
    const bucket = Math.floor(row.at / IDEMPOTENCY_BUCKET_MS);
    if (!this.#buckets.includes(bucket)) this.#rotateIdempotency(bucket, row.at);
    this.#sql.exec(
      `INSERT OR REPLACE INTO idempotency_${bucket} (key, fingerprint, at, first_offset, places) VALUES (?, ?, ?, ?, ?)`,
      key,
      row.fingerprint ?? "",
      row.at,
      row.offset,
      row.places === null ? null : JSON.stringify(row.places.map(({ at, offset }) => [at, offset])),
    );
  }

  #rotateIdempotency(bucket: number, now: number): void {
    this.#sql.exec(
      `CREATE TABLE idempotency_${bucket} (
         key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at INTEGER NOT NULL, first_offset INTEGER NOT NULL,
         places TEXT
       ) WITHOUT ROWID`,
    );
    const kept = this.#buckets.filter((old) => (old + 1) * IDEMPOTENCY_BUCKET_MS > now - IDEMPOTENCY_WINDOW_MS);
    for (const old of this.#buckets) if (!kept.includes(old)) this.#sql.exec(`DROP TABLE idempotency_${old}`);
    this.#buckets = [bucket, ...kept].sort((a, b) => b - a);
  }

  dropIdempotency(): void {
    for (const bucket of this.#buckets) this.#sql.exec(`DROP TABLE idempotency_${bucket}`);
    this.#buckets = [];
  }

  // ---- whether it is filling up

  filling(): Filling | null {
    const row = this.#sql.exec("SELECT since, told FROM filling")[0];
    return row === undefined ? null : { since: integer(row.since), told: row.told === 1 };
  }

  putFilling({ since, told }: Filling): void {
    this.#sql.exec("INSERT OR REPLACE INTO filling (id, since, told) VALUES (1, ?, ?)", since, told ? 1 : 0);
  }

  deleteFilling(): void {
    this.#sql.exec("DELETE FROM filling");
  }

  // ---- subscribers

  subscribers(): SubscriberRow[] {
    return this.#sql.exec("SELECT * FROM subscribers ORDER BY id").map((row) => ({
      id: text(row.id),
      filter: text(row.filter),
      filterVersion: integer(row.filter_version),
      start: integer(row.start),
      quietFrom: integer(row.quiet_from),
      quietTo: integer(row.quiet_to),
      removing: row.removing === 1,
    }));
  }

  putSubscriber(row: SubscriberRow): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO subscribers (id, filter, filter_version, start, quiet_from, quiet_to, removing)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.filter,
      row.filterVersion,
      row.start,
      row.quietFrom,
      row.quietTo,
      row.removing ? 1 : 0,
    );
  }

  deleteSubscriber(id: string): void {
    this.#sql.exec("DELETE FROM subscribers WHERE id = ?", id);
  }
}
