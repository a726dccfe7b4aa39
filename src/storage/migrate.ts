import type { Sql } from "../core/sql.ts";

/** One step of a store's schema. `up` is one statement an entry, or a function where rows have to be rewritten. */
export interface Migration {
  /** Its place in the array, from 1. */
  readonly id: number;
  readonly name: string;
  readonly up: readonly string[] | ((sql: Sql) => void);
}

/**
 * Brings a store to the newest schema: runs, in one transaction, the migrations it has not seen. The array is
 * append-only: a released migration is never edited, renamed or removed.
 *
 * Throws, changing nothing, when the store has a migration this code does not know or knows otherwise: old code on
 * newer data would read it wrongly, so it is refused until the newer code is back.
 */
export function migrate(sql: Sql, migrations: readonly Migration[]): void {
  checkIds(migrations);
  const applied = appliedMigrations(sql);
  if (applied !== null) refuseDrift(applied, migrations);
  const missing = migrations.slice(applied?.length ?? 0);
  if (missing.length === 0) return;
  sql.transaction(() => {
    // Without IF NOT EXISTS on purpose: had the SELECT failed for any reason but a missing table, this fails as well.
    if (applied === null) sql.exec("CREATE TABLE migrations (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    for (const migration of missing) {
      run(sql, migration);
      sql.exec("INSERT INTO migrations (id, name) VALUES (?, ?)", migration.id, migration.name);
    }
  });
}

/** One SELECT and no more where nothing is to do: every waking object comes through here. null = a new store. */
function appliedMigrations(sql: Sql): { id: number; name: string }[] | null {
  try {
    return sql
      .exec("SELECT id, name FROM migrations ORDER BY id")
      .map((row) => ({ id: Number(row.id), name: String(row.name) }));
  } catch {
    return null;
  }
}

function refuseDrift(applied: readonly { id: number; name: string }[], known: readonly Migration[]): void {
  applied.forEach((one, index) => {
    const expected = known[index];
    if (expected?.id === one.id && expected.name === one.name) return;
    const found = `migration ${one.id} "${one.name}"`;
    throw new Error(
      expected === undefined
        ? `This storage was written by newer code: it has ${found}, which this version does not know. Deploy that version again.`
        : `This storage has ${found} where this code has ${expected.id} "${expected.name}". Migrations are append-only; restore the old one.`,
    );
  });
}

function checkIds(migrations: readonly Migration[]): void {
  migrations.forEach((migration, index) => {
    if (migration.id !== index + 1) throw new Error(`Migration "${migration.name}" must have id ${index + 1}.`);
  });
}

function run(sql: Sql, migration: Migration): void {
  if (typeof migration.up === "function") migration.up(sql);
  else for (const statement of migration.up) sql.exec(statement);
}
