import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDeadLetterCursor, writeDeadLetterCursor } from "../../src/core/dead-letter-cursor.ts";
import { DEAD_LETTER_MAX_MS, DEAD_LETTERS_SCAN_MAX_ROWS, REMOVED_LETTER_MAX_MS } from "../../src/core/limits.ts";
import { DeadLetterStore } from "../../src/directory/dead-letter-store.ts";
import { directoryMigrations } from "../../src/directory/migrations.ts";
import type { DeadLetter, DeadLetterQuery } from "../../src/directory/rpc.ts";
import { DirectoryStore } from "../../src/directory/store.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { deadLetter } from "../support/dead-letter.ts";
import { nodeSql } from "../support/node-sql.ts";

const NOW = Date.UTC(2026, 10, 23);
const EVERYTHING: DeadLetterQuery = {
  topic: null,
  subscription: null,
  reason: null,
  since: null,
  until: null,
  cursor: null,
  limit: 50,
};

function open(...subscriptions: string[]) {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, directoryMigrations);
  const names = new DirectoryStore(sql);
  for (const id of subscriptions) names.putSubscription({ id, name: `name-of-${id}`, topic: "orders" });
  return { sql, names, store: new DeadLetterStore(sql) };
}

const listed = (store: DeadLetterStore, query: Partial<DeadLetterQuery> = {}) =>
  store.list({ ...EVERYTHING, ...query }).letters;

/** All pages of a list, with how many there were. */
function allPages(store: DeadLetterStore, query: Partial<DeadLetterQuery>): { letters: DeadLetter[]; pages: number } {
  const letters: DeadLetter[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const page = store.list({ ...EVERYTHING, ...query, cursor });
    letters.push(...page.letters);
    cursor = page.next;
    pages += 1;
  } while (cursor !== null);
  return { letters, pages };
}

describe("the dead-letter index", () => {
  it("gives a letter back as it came, newest first", () => {
    const { store } = open("sub_a");
    const older = deadLetter({ offset: 1, deadAt: NOW - 2, key: "é\u0000", lastAttempt: null });
    const newer = deadLetter({ offset: 2, deadAt: NOW - 1 });
    store.add([older, newer], NOW);
    expect(listed(store)).toEqual([newer, older]);
  });

  it("keeps one row for a letter that comes twice, in one message or in many (Q12)", () => {
    const { store, sql } = open("sub_a");
    store.add([deadLetter(), deadLetter()], NOW);
    store.add([deadLetter()], NOW + 1);
    expect(listed(store)).toHaveLength(1);
    expect(sql.exec("SELECT count(*) AS n FROM dead_letters")).toEqual([{ n: 1 }]);
  });

  it("keeps letters of other partitions, subscriptions and deaths apart", () => {
    const { store } = open("sub_a", "sub_b");
    store.add(
      [deadLetter(), deadLetter({ partition: 1 }), deadLetter({ subscription: "sub_b" }), deadLetter({ deadAt: NOW })],
      NOW,
    );
    expect(listed(store)).toHaveLength(4);
  });

  it("does not bring a removed letter back when its message comes again, or comes only then", () => {
    const { store } = open("sub_a");
    store.add([deadLetter({ offset: 1 })], NOW);
    store.remove([deadLetter({ offset: 1 }), deadLetter({ offset: 2 })], NOW);
    store.add([deadLetter({ offset: 1 }), deadLetter({ offset: 2 })], NOW);
    expect(listed(store)).toEqual([]);
  });

  it("lists an event that died again after its letter was removed", () => {
    const { store } = open("sub_a");
    const second = deadLetter({ deadAt: NOW + 5 });
    store.add([second], NOW);
    store.remove([deadLetter()], NOW);
    store.add([deadLetter()], NOW);
    expect(listed(store)).toEqual([second]);
  });

  it("forgets removed letters after a while, and letters older than any log", () => {
    const { store, sql } = open("sub_a");
    store.add([deadLetter({ offset: 1 }), deadLetter({ offset: 2 })], NOW);
    store.remove([deadLetter({ offset: 1 })], NOW);
    const count = () => sql.exec("SELECT count(*) AS n FROM dead_letters")[0]?.n;
    store.add([], NOW + REMOVED_LETTER_MAX_MS);
    expect(count()).toBe(2);
    store.add([], NOW + REMOVED_LETTER_MAX_MS + 1);
    expect(count()).toBe(1);
    expect(listed(store)).toHaveLength(1);
    store.add([], NOW + DEAD_LETTER_MAX_MS + 1);
    expect(count()).toBe(0);
  });

  it("does not list letters of a subscription that was deleted, nor late ones", () => {
    const { store, names } = open("sub_a", "sub_b");
    store.add([deadLetter(), deadLetter({ subscription: "sub_b" })], NOW);
    names.removeSubscription("sub_a");
    store.add([deadLetter({ offset: 9 })], NOW);
    expect(listed(store).map((letter) => letter.subscription)).toEqual(["sub_b"]);
  });

  it("filters by topic, subscription, reason and time; since inclusive, until exclusive", () => {
    const { store } = open("sub_a", "sub_b");
    const letters = [
      deadLetter({ offset: 1, deadAt: 100, topic: "orders", reason: "exhausted" }),
      deadLetter({ offset: 2, deadAt: 200, topic: "bills", reason: "expired" }),
      deadLetter({ offset: 3, deadAt: 300, topic: "orders", reason: "aborted", subscription: "sub_b" }),
    ];
    store.add(letters, 400);
    const offsets = (query: Partial<DeadLetterQuery>) => listed(store, query).map((letter) => letter.offset);
    expect(offsets({ topic: "orders" })).toEqual([3, 1]);
    expect(offsets({ subscription: "sub_a" })).toEqual([2, 1]);
    expect(offsets({ reason: "expired" })).toEqual([2]);
    expect(offsets({ since: 200 })).toEqual([3, 2]);
    expect(offsets({ until: 200 })).toEqual([1]);
    expect(offsets({ since: 100, until: 300, topic: "orders" })).toEqual([1]);
    expect(offsets({ topic: "' OR 1=1 --" })).toEqual([]);
  });

  it("bounds what one page looks at: it may be empty and still go on", () => {
    const { store } = open("sub_a");
    const many = Array.from({ length: DEAD_LETTERS_SCAN_MAX_ROWS + 1 }, (_, n) =>
      deadLetter({ offset: n, deadAt: NOW }),
    );
    store.add([...many, deadLetter({ offset: 1, deadAt: NOW - 1, reason: "expired" })], NOW);
    const first = store.list({ ...EVERYTHING, reason: "expired" });
    expect(first.letters).toEqual([]);
    expect(first.next).not.toBeNull();
    expect(allPages(store, { reason: "expired" })).toMatchObject({ letters: [{ reason: "expired" }], pages: 2 });
  });

  it("says that there is no next page when the last one is full", () => {
    const { store } = open("sub_a");
    store.add([deadLetter({ offset: 1 }), deadLetter({ offset: 2 })], NOW);
    expect(store.list({ ...EVERYTHING, limit: 2 }).next).toBeNull();
    expect(allPages(store, { limit: 1 })).toMatchObject({ letters: [{ offset: 2 }, { offset: 1 }], pages: 2 });
  });

  it("answers an unreadable cursor with nothing", () => {
    const { store } = open("sub_a");
    store.add([deadLetter()], NOW);
    expect(store.list({ ...EVERYTHING, cursor: "nonsense" })).toEqual({ letters: [], next: null });
  });

  it("agrees with a plain set under any order and repetition of messages, page by page", () => {
    const letter = fc
      .record({
        offset: fc.nat(5),
        deadAt: fc.nat(4).map((n) => NOW + n),
        subscription: fc.constantFrom("sub_a", "sub_b"),
      })
      .map(deadLetter);
    const message = fc.record({ action: fc.constantFrom("add", "remove"), letter });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (messages, limit) => {
        const { store } = open("sub_a", "sub_b");
        for (const { action, letter } of messages)
          if (action === "add") store.add([letter], NOW);
          else store.remove([letter], NOW);
        const nameOf = (one: DeadLetter) => `${one.deadAt} ${one.subscription} ${one.offset}`;
        const removed = new Set(messages.filter((one) => one.action === "remove").map((one) => nameOf(one.letter)));
        const expected = new Set(messages.map((one) => nameOf(one.letter)).filter((name) => !removed.has(name)));
        const actual = allPages(store, { limit }).letters.map(nameOf);
        expect(actual).toEqual([...expected].sort().reverse());
      }),
    );
  });
});

describe("the cursor of dead letters", () => {
  it("comes back as the position it was made of", () => {
    const position = { deadAt: NOW, subscription: "sub_01j", partition: 3, offset: 12345678901 };
    const cursor = writeDeadLetterCursor(position);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(readDeadLetterCursor(cursor)).toEqual(position);
  });

  it("is null for anything else", () => {
    for (const text of ["", "x", "!", "MTIz", "%00", "é", btoa("1.sub.1"), btoa("1.sub.-1.2"), btoa("1.a.b.2.3")])
      expect(readDeadLetterCursor(text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => readDeadLetterCursor(text) === null));
  });
});
