import type { Sql } from "../core/sql.ts";
import type { Meter } from "./meter.ts";

/**
 * The SQLite of a Durable Object. A transaction inside a transaction is a savepoint: an inner throw that is caught
 * undoes the inner part only.
 */
export function durableSql(storage: DurableObjectStorage, meter?: Meter): Sql {
  return {
    exec(statement, ...bindings) {
      const cursor = storage.sql.exec(statement, ...bindings);
      // The cursor counts while it is read: only after its last row are the numbers complete.
      const rows = cursor.toArray();
      if (meter !== undefined) {
        meter.rowsWritten += cursor.rowsWritten;
        meter.rowsRead += cursor.rowsRead;
      }
      return rows;
    },
    transaction: (run) => storage.transactionSync(run),
  };
}
