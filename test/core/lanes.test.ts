import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Lanes } from "../../src/core/lanes.ts";
import type { Ordering } from "../../src/core/ordering.ts";

interface Model {
  readonly lanes: Lanes;
  readonly log: readonly (string | null)[];
  cursor: number;
  readonly underWay: Set<number>;
  readonly started: number[];
}

const keyOf = (model: Model, offset: number): string | null => model.log[offset - 1] ?? null;

/** What a subscription does with lanes, over a log that is just keys: offset n has log[n - 1]. */
function step(model: Model, choice: number): void {
  const { lanes, log, underWay, started } = model;
  const start = (offset: number) => {
    lanes.begin(keyOf(model, offset));
    underWay.add(offset);
    started.push(offset);
  };
  const settle = choice % 3 === 0 || model.cursor === log.length;
  const oldest = [...underWay][choice % Math.max(underWay.size, 1)];
  if (settle && oldest !== undefined) {
    underWay.delete(oldest);
    lanes.settle(keyOf(model, oldest));
  }
  for (const [key, next] of [...lanes.ready()]) {
    if (!lanes.isReady(key)) continue;
    let offset = next;
    while (offset <= model.cursor && keyOf(model, offset) !== key) offset += 1;
    if (offset > model.cursor) {
      lanes.end(key);
      continue;
    }
    start(offset);
    lanes.advance(key, offset + 1);
  }
  if (model.cursor === log.length) return;
  const offset = model.cursor + 1;
  const key = keyOf(model, offset);
  const verdict = lanes.next(key);
  if (verdict === "stop") return;
  model.cursor = offset;
  if (verdict === "go") start(offset);
  else if (key !== null) lanes.wait(key, offset);
}

function run(
  ordering: Ordering,
  log: readonly (string | null)[],
  choices: readonly number[],
  check: (model: Model) => void,
): Model {
  const model: Model = { lanes: new Lanes(ordering), log, cursor: 0, underWay: new Set(), started: [] };
  const after = Array.from({ length: log.length * 4 + 4 }, () => 0);
  for (const choice of [...choices, ...after]) {
    step(model, choice);
    check(model);
  }
  return model;
}

const logs = fc.array(fc.constantFrom("a", "b", "c", null), { maxLength: 30 });
const choices = fc.array(fc.nat(20), { maxLength: 60 });

describe("lanes", () => {
  it("key order: never two of a key at once, each key in order, everything in the end", () => {
    fc.assert(
      fc.property(logs, choices, (log, picks) => {
        const model = run("key", log, picks, ({ underWay }) => {
          const keys = [...underWay].map((offset) => log[offset - 1]).filter((key) => key !== null);
          expect(new Set(keys).size).toBe(keys.length);
        });
        for (const key of ["a", "b", "c"]) {
          const order = model.started.filter((offset) => log[offset - 1] === key);
          expect(order).toEqual([...order].sort((x, y) => x - y));
        }
        expect([...model.started].sort((x, y) => x - y)).toEqual(log.map((_, index) => index + 1));
        expect(model.lanes.waiting.size).toBe(0);
        expect(model.lanes.unsettled).toBe(0);
      }),
    );
  });

  it("key order: other keys and keyless events pass a blocked key", () => {
    const lanes = new Lanes("key");
    expect(lanes.next("a")).toBe("go");
    lanes.begin("a");
    expect(lanes.next("a")).toBe("wait");
    expect(lanes.wait("a", 2)).toBe(true);
    expect(lanes.wait("a", 3)).toBe(false);
    expect(lanes.waiting.get("a")).toBe(2);
    expect(lanes.next("b")).toBe("go");
    expect(lanes.next(null)).toBe("go");
  });

  it("key order: an event that comes while its lane is being emptied still waits", () => {
    const lanes = new Lanes("key", [["a", 7]]);
    expect(lanes.next("a")).toBe("wait");
    expect([...lanes.ready()]).toEqual([["a", 7]]);
    lanes.begin("a");
    expect([...lanes.ready()]).toEqual([]);
  });

  it("topic order: one at a time, in the order of the log", () => {
    fc.assert(
      fc.property(logs, choices, (log, picks) => {
        const model = run("topic", log, picks, ({ underWay }) => {
          expect(underWay.size).toBeLessThanOrEqual(1);
        });
        expect(model.started).toEqual(log.map((_, index) => index + 1));
      }),
    );
  });

  it("no order: nothing waits", () => {
    fc.assert(
      fc.property(logs, choices, (log, picks) => {
        const model = run("none", log, picks, ({ lanes }) => {
          expect(lanes.waiting.size).toBe(0);
        });
        expect(model.started).toEqual(log.map((_, index) => index + 1));
      }),
    );
  });

  it("from key order to none: what waited may go", () => {
    const lanes = new Lanes("key", [["a", 3]]);
    lanes.begin("a");
    expect(lanes.isReady("a")).toBe(false);
    lanes.ordering = "none";
    expect(lanes.isReady("a")).toBe(true);
  });
});
