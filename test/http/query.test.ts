import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCursor, encodeCursor } from "../../src/http/cursor.ts";
import { isNamePosition, isOffsetPosition, parseCount, Query } from "../../src/http/query.ts";

const query = (text: string, known: readonly string[]) => new Query(new URLSearchParams(text), known);

describe("query members", () => {
  test("are read", () => {
    const given = query("limit=200&after=0&since=2026-01-31T09:30:00Z&order=desc&force=true&type=order.*", [
      ...["limit", "after", "since", "order", "force", "type"],
    ]);
    expect(given.limit()).toBe(200);
    expect(given.offset("after")).toBe(0);
    expect(given.time("since")).toBe(Date.parse("2026-01-31T09:30:00Z"));
    expect(given.oneOf("order", ["asc", "desc"])).toBe("desc");
    expect(given.flag("force")).toBe(true);
    expect(given.typePattern("type")).toBe("order.*");
    expect(given.refusal()).toBeNull();
  });

  test("have their defaults", () => {
    const given = query("", ["limit", "after"]);
    expect([given.limit(), given.offset("after"), given.refusal()]).toEqual([50, null, null]);
  });

  test.each<[string, (given: Query) => unknown]>([
    ["limit=0", (given) => given.limit()],
    ["limit=201", (given) => given.limit()],
    ["limit=", (given) => given.limit()],
    ["limit=1e1", (given) => given.limit()],
    ["limit=+5", (given) => given.limit()],
    ["after=-1", (given) => given.offset("after")],
    ["after=1.0", (given) => given.offset("after")],
    ["after=9007199254740993", (given) => given.offset("after")],
    ["after=0x10", (given) => given.offset("after")],
    ["since=yesterday", (given) => given.time("since")],
    ["since=2026-02-30T00:00:00Z", (given) => given.time("since")],
    ["order=up", (given) => given.oneOf("order", ["asc", "desc"])],
    ["force=1", (given) => given.flag("force")],
    ["type=a*b", (given) => given.typePattern("type")],
    ["topic=UPPER", (given) => given.topic("topic")],
    ["cursor=", (given) => given.cursor("list", isOffsetPosition)],
    ["cursor=AAAA", (given) => given.cursor("list", isOffsetPosition)],
  ])("are refused by name: %s", (text, take) => {
    const [name = ""] = text.split("=");
    const given = query(text, [name]);
    take(given);
    expect(given.refusal()).toMatchObject({ code: "invalid", detail: expect.stringContaining(` ${name} `) });
  });

  test("that a route does not have, or that are repeated, are refused without being taken", () => {
    expect(query("limit=1&limit=1", ["limit"]).refusal()?.detail).toContain("limit is given more than once");
    expect(query("limit=&limit=5", ["limit"]).refusal()?.detail).toContain("limit is given more than once");
    expect(query("ofset=1&a%0Ab=2", ["offset"]).refusal()?.detail).toBe(
      'The query member "ofset" is not known here. The query member "a\\nb" is not known here.',
    );
    expect(query("__proto__=1", []).refusal()?.detail).toContain("__proto__");
  });

  test("by the thousand do not make an answer of the same size", () => {
    const thousands = Array.from({ length: 5000 }, (_, index) => `m${index}=1`).join("&");
    expect(query(thousands, []).refusal()?.detail.length).toBeLessThan(1000);
  });
});

describe("a cursor", () => {
  test("gives back its position, in its own list only", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.oneof(fc.nat(), fc.maxSafeNat(), fc.string({ unit: "grapheme", maxLength: 20 })),
        (list, other, position) => {
          const cursor = encodeCursor(list, position);
          expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
          expect(decodeCursor(list, cursor)).toBe(position);
          if (other !== list) expect(decodeCursor(other, cursor)).toBeNull();
        },
      ),
    );
  });

  test("that was made up is none", () => {
    fc.assert(fc.property(fc.string(), (text) => decodeCursor("list", text) === null));
    const forged = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");
    const [fingerprint] = JSON.parse(atob(encodeCursor("list", 1))) as [number];
    expect(decodeCursor("list", forged([fingerprint, 7]))).toBe(7);
    for (const position of [-1, 1.5, 1e300, null, true, [1], {}]) {
      expect(decodeCursor("list", forged([fingerprint, position]))).toBeNull();
    }
    expect(decodeCursor("list", forged([fingerprint, 7, 8]))).toBeNull();
    expect(decodeCursor("list", "A".repeat(100_000))).toBeNull();
  });

  test("goes with the other members of its page, but for the limit", () => {
    const first = query("type=a&key=k&limit=1", ["type", "key", "limit", "cursor"]);
    const next = first.next("list", 7);
    const page = (text: string) => {
      const given = query(`${text}&cursor=${next}`, ["type", "key", "limit", "cursor"]);
      return [given.cursor("list", isOffsetPosition), given.refusal()?.code ?? null];
    };
    expect(page("key=k&type=a&limit=200")).toEqual([7, null]);
    expect(page("type=a&limit=1")).toEqual([null, "invalid"]);
    expect(page("type=b&key=k&limit=1")).toEqual([null, "invalid"]);
    expect(first.next("list", null)).toBeNull();
    const names = query(`cursor=${query("", []).next("list", "name")}`, ["cursor"]);
    expect(names.cursor("list", isNamePosition)).toBe("name");
  });
});

test("a count is digits that a double holds exactly", () => {
  expect(["0", "007", "9007199254740991"].map(parseCount)).toEqual([0, 7, 9007199254740991]);
  for (const text of ["", " 1", "1 ", "-0", "1e3", "1.5", "٣", "9007199254740992", "1".repeat(17)]) {
    expect([text, parseCount(text)]).toEqual([text, null]);
  }
});
