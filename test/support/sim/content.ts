import type { NewEvent } from "../../../src/core/event.ts";
import type { Filter } from "../../../src/core/filter.ts";
import type { Random } from "./random.ts";

/** Every filter can be told from its JSON text; they overlap and differ in type and in data. */
export const FILTERS: readonly [Filter, ...Filter[]] = [
  { types: [], match: {} },
  { types: [], match: {} },
  { types: ["a.*"], match: {} },
  { types: [], match: { data: { size: { $gte: 30 } } } },
  { types: ["b.one", "a.two"], match: {} },
];

const TYPES = ["a.one", "a.two", "b.one"] as const;
const KEYS = [null, "k1", "k2", "k3"] as const;

/** An event nobody else posts: `n` is its mark. Its data is text that no JSON writer would write the same way. */
export function newContent(n: number, random: Random): NewEvent {
  const data = `{ "n":${n},"size":${random.between(0, 99)}, "exact":1.0,"lone":"\\ud800","big":9007199254740993 }`;
  return {
    type: random.pick(TYPES),
    key: random.pick(KEYS),
    ...{
      time: null,
      source: null,
      subject: null,
      correlationId: null,
      causationId: null,
      cloudEvent: null,
      headers: null,
    },
    contentType: "application/json",
    hops: 0,
    data: new TextEncoder().encode(data),
  };
}

const MARK = /"n":(\d+),/;

/** The mark of an event's data; null for data nobody posted. */
export function markOf(data: Uint8Array): number | null {
  const found = MARK.exec(new TextDecoder().decode(data))?.[1];
  return found === undefined ? null : Number(found);
}

export const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);
