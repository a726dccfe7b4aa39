import type { Sql, SqlRow, SqlValue } from "../../../../src/core/sql.ts";

/** Answers for a statement, or leaves it to the real SQL (null). */
export type Instead = (statement: string, bindings: readonly SqlValue[]) => SqlRow[] | null;

/** SQL between which and its user somebody stands. */
export function watching(sql: Sql, instead: Instead): Sql {
  return {
    exec: (statement, ...bindings) =>
      instead(
        statement.trim(),
        bindings.map((one) => (one instanceof Uint8Array ? null : one)),
      ) ?? sql.exec(statement, ...bindings),
    transaction: (run) => sql.transaction(run),
  };
}
