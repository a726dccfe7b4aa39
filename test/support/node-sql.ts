import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../src/core/sql.ts";

/** The SQLite of Node behind the same interface as that of a Durable Object, for unit tests and the simulation. */
export function nodeSql(db: DatabaseSync): Sql {
  const statements = new Map<string, StatementSync>();
  let depth = 0;

  const prepared = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (statement === undefined) {
      statement = db.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };

  return {
    exec(text, ...bindings) {
      const rows = prepared(text).all(...bindings.map(toBinding));
      return rows.map((row) => toRow(row));
    },
    transaction(run) {
      const savepoint = `nested_${depth}`;
      db.exec(depth === 0 ? "BEGIN" : `SAVEPOINT ${savepoint}`);
      depth += 1;
      try {
        const value = run();
        db.exec(depth === 1 ? "COMMIT" : `RELEASE ${savepoint}`);
        return value;
      } catch (thrown) {
        // A COMMIT that failed may have ended the transaction already.
        if (db.isTransaction) db.exec(depth === 1 ? "ROLLBACK" : `ROLLBACK TO ${savepoint}; RELEASE ${savepoint}`);
        throw thrown;
      } finally {
        depth -= 1;
      }
    },
  };
}

// node:sqlite takes views only.
const toBinding = (value: SqlValue | Uint8Array): string | number | null | Uint8Array =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : value;

/** Rows as the platform gives them: plain objects, blobs as ArrayBuffer. */
function toRow(row: Record<string, unknown>): SqlRow {
  const copy: SqlRow = {};
  for (const [name, value] of Object.entries(row)) copy[name] = toValue(name, value);
  return copy;
}

function toValue(name: string, value: unknown): SqlValue {
  if (value === null || typeof value === "number" || typeof value === "string") return value;
  if (value instanceof Uint8Array) return value.slice().buffer;
  throw new Error(`Column ${name} holds a ${typeof value}.`);
}
