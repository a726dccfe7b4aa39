import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { Sql } from "../../src/core/sql.ts";
import { type Migration, migrate } from "../../src/storage/migrate.ts";
import { nodeSql } from "../support/node-sql.ts";
import { SQL_CONTRACT } from "../support/sql-contract.ts";

const people: Migration = {
  id: 1,
  name: "people",
  up: ["CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO people VALUES (1, 'ada')"],
};
const shouting: Migration = {
  id: 2,
  name: "shouting",
  up: (sql) => {
    for (const row of sql.exec("SELECT id, name FROM people"))
      sql.exec("UPDATE people SET name = ? WHERE id = ?", String(row.name).toUpperCase(), row.id ?? null);
  },
};
const broken: Migration = { id: 3, name: "broken", up: ["CREATE TABLE half (id INTEGER)", "CREATE NONSENSE"] };

const open = () => nodeSql(new DatabaseSync(":memory:"));
const names = (sql: Sql) => sql.exec("SELECT name FROM people").map((row) => row.name);
const applied = (sql: Sql) => sql.exec("SELECT id, name FROM migrations ORDER BY id");

function counting(sql: Sql): { sql: Sql; statements: string[] } {
  const statements: string[] = [];
  return {
    statements,
    sql: {
      exec(statement, ...bindings) {
        statements.push(statement);
        return sql.exec(statement, ...bindings);
      },
      transaction: (run) => sql.transaction(run),
    },
  };
}

describe("node-sql", () => {
  for (const clause of SQL_CONTRACT) it(clause.name, () => clause.run(open()));
});

describe("migrate", () => {
  it("runs each migration once, in order, and remembers it", () => {
    const sql = open();
    migrate(sql, [people, shouting]);
    migrate(sql, [people, shouting]);
    expect(names(sql)).toEqual(["ADA"]);
    expect(applied(sql)).toEqual([
      { id: 1, name: "people" },
      { id: 2, name: "shouting" },
    ]);
  });

  it("runs only what is new on a store of an older version", () => {
    const sql = open();
    migrate(sql, [people]);
    sql.exec("UPDATE people SET name = 'grace'");
    migrate(sql, [people, shouting]);
    expect(names(sql)).toEqual(["GRACE"]);
  });

  it("costs one SELECT when nothing is to do", () => {
    const sql = open();
    migrate(sql, [people, shouting]);
    const counted = counting(sql);
    migrate(counted.sql, [people, shouting]);
    expect(counted.statements).toHaveLength(1);
    expect(counted.statements[0]).toMatch(/^SELECT/);
  });

  it("leaves a new store empty when a migration fails, and can be run again", () => {
    const sql = open();
    expect(() => migrate(sql, [people, shouting, broken])).toThrow();
    expect(sql.exec("SELECT name FROM sqlite_master")).toEqual([]);
    migrate(sql, [people, shouting]);
    expect(names(sql)).toEqual(["ADA"]);
  });

  it("C14 leaves an older store as it was when a migration fails", () => {
    const sql = open();
    migrate(sql, [people]);
    expect(() => migrate(sql, [people, shouting, broken])).toThrow();
    expect(names(sql)).toEqual(["ada"]);
    expect(applied(sql)).toEqual([{ id: 1, name: "people" }]);
  });

  it("D10 refuses data of newer code, changing nothing", () => {
    const sql = open();
    migrate(sql, [people, shouting]);
    expect(() => migrate(sql, [people])).toThrow(/newer code.*migration 2 "shouting"/);
    expect(names(sql)).toEqual(["ADA"]);
  });

  it("refuses a migration that was renamed or replaced", () => {
    const sql = open();
    migrate(sql, [people]);
    expect(() => migrate(sql, [{ ...people, name: "persons" }, shouting])).toThrow(/"people".*"persons".*append-only/);
    expect(applied(sql)).toEqual([{ id: 1, name: "people" }]);
  });

  it("refuses an array whose ids have a gap or are out of order", () => {
    expect(() => migrate(open(), [people, broken])).toThrow(/must have id 2/);
    expect(() => migrate(open(), [shouting, people])).toThrow(/must have id 1/);
  });

  it("passes the failure of storage on instead of taking it for a new store", () => {
    const sql = open();
    migrate(sql, [people]);
    const failing: Sql = {
      exec(statement, ...bindings) {
        if (statement.startsWith("SELECT id, name")) throw new Error("disk trouble");
        return sql.exec(statement, ...bindings);
      },
      transaction: (run) => sql.transaction(run),
    };
    expect(() => migrate(failing, [people, shouting])).toThrow(/table migrations already exists/);
    expect(names(sql)).toEqual(["ada"]);
  });
});
