import { expect } from "vitest";
import type { Sql } from "../../src/core/sql.ts";

/** What every store relies on, run against both implementations so that the simulation tests the SQL of production. */
export const SQL_CONTRACT: readonly { readonly name: string; readonly run: (sql: Sql) => void }[] = [
  {
    name: "gives rows as plain values, blobs as ArrayBuffer",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, weight REAL, bytes BLOB)");
      const whole = new Uint8Array([9, 1, 2, 3, 9]);
      sql.exec(
        "INSERT INTO things VALUES (?, ?, ?, ?)",
        9007199254740991,
        "é\u0000\u{1f600}",
        0.5,
        whole.subarray(1, 4),
      );
      sql.exec("INSERT INTO things VALUES (?, ?, ?, ?)", -1, "", null, new Uint8Array([7]).buffer);
      const [first, second] = sql.exec("SELECT id, name, weight, bytes FROM things ORDER BY id DESC");
      expect(first).toEqual({
        id: 9007199254740991,
        name: "é\u0000\u{1f600}",
        weight: 0.5,
        bytes: new Uint8Array([1, 2, 3]).buffer,
      });
      expect(first?.bytes).toBeInstanceOf(ArrayBuffer);
      expect(second).toEqual({ id: -1, name: "", weight: null, bytes: new Uint8Array([7]).buffer });
    },
  },
  {
    name: "returns no rows for a write and those of RETURNING",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)");
      expect(sql.exec("INSERT INTO things VALUES (1, 'a')")).toEqual([]);
      expect(sql.exec("UPDATE things SET name = ? WHERE id = ? RETURNING name", "b", 1)).toEqual([{ name: "b" }]);
      expect(sql.exec("UPDATE things SET name = ? WHERE id = ? RETURNING name", "b", 2)).toEqual([]);
    },
  },
  {
    name: "sees the new columns of a changed table through a statement used before",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
      sql.exec("INSERT INTO things VALUES (1)");
      expect(sql.exec("SELECT * FROM things")).toEqual([{ id: 1 }]);
      sql.exec("ALTER TABLE things ADD COLUMN name TEXT");
      expect(sql.exec("SELECT * FROM things")).toEqual([{ id: 1, name: null }]);
      sql.exec("DROP TABLE things");
      expect(() => sql.exec("SELECT * FROM things")).toThrow();
    },
  },
  {
    name: "commits a transaction with its value, rolls a failed one back and passes the error on",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
      expect(sql.transaction(() => sql.exec("INSERT INTO things VALUES (1) RETURNING id"))).toEqual([{ id: 1 }]);
      const failure = new Error("no");
      const failing = () =>
        sql.transaction(() => {
          sql.exec("INSERT INTO things VALUES (2)");
          sql.exec("CREATE TABLE more (id INTEGER PRIMARY KEY)");
          throw failure;
        });
      expect(failing).toThrow(failure);
      expect(sql.exec("SELECT id FROM things")).toEqual([{ id: 1 }]);
      expect(sql.exec("SELECT name FROM sqlite_master WHERE name = 'more'")).toEqual([]);
    },
  },
  {
    name: "undoes only the inner part when a nested transaction fails and is caught",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
      sql.transaction(() => {
        sql.exec("INSERT INTO things VALUES (1)");
        try {
          sql.transaction(() => {
            sql.exec("INSERT INTO things VALUES (2)");
            throw new Error("inner");
          });
        } catch {
          sql.exec("INSERT INTO things VALUES (3)");
        }
        sql.transaction(() => sql.exec("INSERT INTO things VALUES (4)"));
      });
      expect(sql.exec("SELECT id FROM things ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }]);
    },
  },
  {
    name: "leaves nothing of a statement that fails, and can go on",
    run(sql) {
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
      sql.exec("INSERT INTO things VALUES (1)");
      expect(() => sql.exec("INSERT INTO things VALUES (2), (1)")).toThrow();
      sql.transaction(() => {
        expect(() => sql.exec("INSERT INTO things VALUES (1)")).toThrow();
        sql.exec("INSERT INTO things VALUES (3)");
      });
      expect(sql.exec("SELECT id FROM things ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }]);
    },
  },
];
