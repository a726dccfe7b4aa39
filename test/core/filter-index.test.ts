import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileFilter, type Filter, type FilterInput, parseFilter } from "../../src/core/filter.ts";
import { FilterIndex } from "../../src/core/filter-index.ts";
import { aFilter, anEvent } from "../support/random-filters.ts";

function filterOf(filter: unknown): Filter {
  const parsed = parseFilter(filter);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

const event = (type: string, data: unknown = null, more: Partial<FilterInput> = {}): FilterInput => ({
  ...{ type, key: null, source: null, subject: null, data: () => data },
  ...more,
});

function indexOf(filters: Readonly<Record<string, unknown>>): FilterIndex<string> {
  const index = new FilterIndex<string>();
  for (const [name, filter] of Object.entries(filters)) index.put(name, filterOf(filter));
  return index;
}

const data = (pattern: unknown) => ({ match: { data: pattern } });

it("finds every filter that matches", () => {
  fc.assert(
    fc.property(
      fc.array(aFilter, { minLength: 1, maxLength: 12 }),
      fc.array(anEvent, { maxLength: 6 }),
      (filters, events) => {
        const index = new FilterIndex<number>();
        filters.forEach((filter, number) => {
          index.put(number, filter);
        });
        for (const one of events) {
          const candidates = index.candidates(one);
          filters.forEach((filter, number) => {
            if (compileFilter(filter)(one)) expect(candidates).toContain(number);
          });
        }
      },
    ),
    { numRuns: 1000 },
  );
});

it("forgets what is taken out, and moves what has another filter", () => {
  fc.assert(
    fc.property(fc.array(aFilter, { minLength: 2, maxLength: 8 }), anEvent, (filters, one) => {
      const index = new FilterIndex<number>();
      filters.forEach((filter, number) => {
        index.put(number % 2, filter);
      });
      const [even, odd] = [
        filters.filter((_, at) => at % 2 === 0).at(-1),
        filters.filter((_, at) => at % 2 === 1).at(-1),
      ];
      const fresh = new FilterIndex<number>();
      if (even !== undefined) fresh.put(0, even);
      if (odd !== undefined) fresh.put(1, odd);
      expect([...index.candidates(one)].sort()).toEqual([...fresh.candidates(one)].sort());
      index.delete(0);
      index.delete(1);
      expect(index.candidates(one).size).toBe(0);
    }),
    { numRuns: 1000 },
  );
});

describe("of a thousand filters it finds few", () => {
  const thousand = (filter: (n: number) => unknown): FilterIndex<string> =>
    indexOf(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [String(n), filter(n)])));

  it.each<[what: string, filter: (n: number) => unknown, event: FilterInput, found: number]>([
    ["types", (n) => ({ types: [`type.${n}`] }), event("type.7"), 1],
    ["several types", (n) => ({ types: [`a.${n}`, `b.${n}`, `c.${n}.*`] }), event("b.7"), 1],
    ["beginnings of types", (n) => ({ types: [`type.${n}.*`] }), event("type.7.a.b"), 1],
    ["no such type", (n) => ({ types: [`type.${n}`] }), event("other"), 0],
    [
      "one type, other data",
      (n) => ({ types: ["order.*"], ...data({ customer: n }) }),
      event("order.paid", { customer: 7 }),
      1,
    ],
    [
      "another type with such data",
      (n) => ({ types: ["order.*"], ...data({ customer: n }) }),
      event("a", { customer: 7 }),
      0,
    ],
    ["keys", (n) => ({ match: { key: `k${n}` } }), event("t", null, { key: "k7" }), 1],
    ["keys, of an event without", (n) => ({ match: { key: `k${n}` } }), event("t"), 0],
    ["values", (n) => data({ a: { b: { $eq: n } } }), event("t", { a: { b: 7 } }), 1],
    ["values within arrays", (n) => data({ items: { id: n } }), event("t", { items: [{ id: 3 }, { id: 7 }] }), 2],
    ["elements", (n) => data({ tags: `t${n}` }), event("t", { tags: ["t3", "t7"] }), 2],
    ["arrays", (n) => data({ tags: [`t${n}`, "x"] }), event("t", { tags: ["t3", "x"] }), 1],
    ["lists", (n) => data({ a: { $in: [n, n + 1] } }), event("t", { a: 7 }), 2],
    ["members", (n) => data({ [`m${n}`]: { $ne: 1 } }), event("t", { m7: 0, m8: 1, x: 1 }), 2],
    ["beginnings", (n) => data({ path: { $startsWith: `/${n}/` } }), event("t", { path: "/7/8/" }), 1],
    ["bounds from below", (n) => data({ n: { $gte: n } }), event("t", { n: 9.5 }), 10],
    ["bounds from above", (n) => data({ n: { $lt: n } }), event("t", { n: 990 }), 10],
    ["bounds of text", (n) => data({ at: { $gt: `2026-${n + 1000}` } }), event("t", { at: "2026-1009" }), 10],
    [
      "alternatives",
      (n) => ({ match: { $or: [{ data: { a: n } }, { data: { b: n } }] } }),
      event("t", { a: 3, b: 7 }),
      2,
    ],
    [
      "more than one rule",
      (n) => data({ kind: { $exist: true }, n, amount: { $gte: 1 } }),
      event("t", { kind: 1, n: 7, amount: 5 }),
      1,
    ],
  ])("%s", (_, filter, one, found) => {
    expect(thousand(filter).candidates(one).size).toBe(found);
  });

  it("where nothing is known of them, all", () => {
    const unknown = (n: number) => (n % 2 === 0 ? data({ $not: { a: n } }) : { match: { data: { $exist: false } } });
    expect(thousand(unknown).candidates(event("t", {})).size).toBe(1000);
  });
});

it("looks at data only where a filter of that type asks for it", () => {
  const index = indexOf({ a: { types: ["a"] }, b: { types: ["b"], match: { data: 1 } }, c: { match: { key: "k" } } });
  let looks = 0;
  const counted = (type: string) => ({ ...event(type), data: () => looks++ });
  index.candidates(counted("a"));
  index.candidates(counted("c"));
  expect(looks).toBe(0);
  index.candidates(counted("b"));
  expect(looks).toBe(1);
});

it("looks at each element of an array once, however many filters there are", () => {
  let reads = 0;
  const counted = new Proxy(
    Array.from({ length: 100 }, (_, n) => n),
    {
      get(target, name, receiver) {
        reads += 1;
        return Reflect.get(target, name, receiver);
      },
    },
  );
  const filters = Array.from({ length: 1000 }, (_, n) => [String(n), data({ list: { $gt: n + 1000 } })]);
  indexOf(Object.fromEntries(filters)).candidates(event("t", { list: counted }));
  expect(reads).toBeLessThan(1000);
});
