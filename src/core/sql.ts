export type SqlValue = string | number | null | ArrayBuffer;
export type SqlRow = Record<string, SqlValue>;

/**
 * What a store needs of SQLite: satisfied by a Durable Object's `ctx.storage` (src/topic-log/object.ts) and, in the
 * simulation, by node:sqlite, so that the very SQL of production runs under thousands of crashes.
 */
export interface Sql {
  /** Runs one statement and returns its rows. Blobs come back as ArrayBuffer. */
  exec(statement: string, ...bindings: (SqlValue | Uint8Array)[]): SqlRow[];
  /** All or nothing; the callback must be synchronous. A throw rolls back and is passed on. */
  transaction<T>(run: () => T): T;
}
