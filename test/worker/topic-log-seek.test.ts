import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Filter } from "../../src/core/filter.ts";
import { COUNT_SCAN_MAX_EVENTS, EVENT_COUNT_BUCKETS_MAX } from "../../src/core/limits.ts";
import { topicLog } from "../../src/rpc/objects.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import type { LogDeps } from "../../src/topic-log/deps.ts";
import { Log } from "../../src/topic-log/log.ts";
import type { CountRange } from "../../src/topic-log/rpc.ts";
import { appendOf, newTopic } from "../support/objects.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const ALL: Filter = { types: [], match: {} };
const PAID: Filter = { types: ["order.paid"], match: {} };

/** A log over the object's real storage, with a clock of the test; `expire` is what its subscriptions do when told. */
async function withLog<T>(
  run: (log: Log, clock: { now: number }) => Promise<T>,
  expire: (log: Log) => void = () => undefined,
): Promise<T> {
  const { stub } = await newTopic();
  return runInDurableObject(stub, (_, state) => {
    const clock = { now: Math.ceil(Date.now() / DAY_MS) * DAY_MS };
    const deps: LogDeps = {
      sql: durableSql(state.storage),
      topic: "orders",
      partition: 0,
      now: () => clock.now,
      newTag: () => 1,
      defer: (flush) => queueMicrotask(flush),
      alarm: () => undefined,
      background: () => undefined,
      wake: async () => ({ mode: "push", incarnation: 0 }),
      expire: async () => expire(log),
      expiring: async () => undefined,
      erased: async () => undefined,
      publish: async () => undefined,
      removeSubscription: async () => undefined,
      log: () => undefined,
    };
    const log = new Log(deps, null);
    return run(log, clock);
  });
}

describe("locate", () => {
  it("finds the offset before the first event of each kind of place", () =>
    withLog(async (log, clock) => {
      for (let i = 0; i < 4; i += 1) {
        await log.append(appendOf({}, {}));
        clock.now += 1000;
      }
      log.register("sub", ALL, 1, "latest");
      const cursorOf = (to: Parameters<Log["locate"]>[1]) => log.locate("sub", to, true);
      const at = (cursor: number) => ({ ok: true, value: { cursor, head: 8 } });
      expect(cursorOf("earliest")).toEqual(at(0));
      expect(cursorOf("latest")).toEqual(at(8));
      expect(cursorOf({ offset: 1 })).toEqual(at(0));
      expect(cursorOf({ offset: 8 })).toEqual(at(7));
      expect(cursorOf({ time: 0 })).toEqual(at(0));
      expect(cursorOf({ time: clock.now - 3000 })).toEqual(at(2));
      expect(cursorOf({ time: clock.now - 2999 })).toEqual(at(4));
      expect(cursorOf({ time: clock.now + 5000 })).toEqual(at(8));
    }));

  it("refuses what the log has not, and says where it ends and begins", () =>
    withLog(async (log, clock) => {
      await log.append(appendOf({}, {}));
      log.register("sub", ALL, 1, "latest");
      for (const offset of [3, 4, 1_000_000]) {
        expect(log.locate("sub", { offset }, false)).toMatchObject({
          ok: false,
          error: { code: "invalid", detail: expect.stringContaining("offset 2") },
        });
      }
      clock.now += 31 * DAY_MS;
      await log.onAlarm();
      expect(log.locate("sub", { offset: 2 }, false)).toMatchObject({
        ok: false,
        error: { code: "log-truncated", extra: { firstOffset: 3 } },
      });
      expect(log.locate("sub", "earliest", false)).toEqual({ ok: true, value: { cursor: 2, head: 2 } });
      expect(log.locate("nobody", "latest", false)).toMatchObject({ ok: false, error: { code: "not-found" } });
    }));

  it("lowers where the registration begins, durably, and never at a dry run", async () => {
    const { tenant, log, stub } = await newTopic();
    const appended = await log.append(appendOf({}, {}));
    const id = appended.ok ? (appended.value[0]?.id ?? "") : "";
    await log.register("sub", ALL, 1, "latest");
    const matching = async () => {
      const found = await topicLog(env, tenant, "orders").matching(id, null, 10);
      return found.ok && found.value.subscriptions;
    };
    await log.locate("sub", "earliest", true);
    expect(await matching()).toEqual([]);
    await log.locate("sub", { offset: 1 }, false);
    await evictDurableObject(stub);
    expect(await matching()).toEqual(["sub"]);
    // Going forward again takes nothing away: those events were this subscription's.
    await topicLog(env, tenant, "orders").locate("sub", "latest", false);
    expect(await matching()).toEqual(["sub"]);
  });

  it("while retention tells everybody keeps what it went back to", async () => {
    let back = true;
    await withLog(
      async (log, clock) => {
        await log.append(appendOf({}));
        log.register("sub", ALL, 1, "latest");
        clock.now += 31 * DAY_MS;
        await log.onAlarm();
        expect(log.describe()).toMatchObject({ ok: true, value: { firstOffset: 1 } });
        back = false;
        await log.onAlarm();
        expect(log.describe()).toMatchObject({ ok: true, value: { firstOffset: 2 } });
      },
      (log) => {
        if (back) log.locate("sub", "earliest", false);
      },
    );
  });
});

describe("countFor", () => {
  const range: CountRange = { after: 0, through: 100, cursor: 0, lanes: [] };

  it("counts what matches beyond the cursor, and behind a blocked key what its lane has not passed", () =>
    withLog(async (log) => {
      const a = { key: "a" };
      await log.append(appendOf(a, { key: "b" }, a, { type: "order.made", key: "a" }, a, { key: "b" }, {}));
      log.register("sub", PAID, 1, "earliest");
      const count = (more: Partial<CountRange>) => {
        const counted = log.countFor("sub", { ...range, ...more });
        return counted.ok && counted.value;
      };
      expect(count({})).toEqual({ count: 6, scannedTo: 100 });
      expect(count({ through: 6 })).toEqual({ count: 5, scannedTo: 6 });
      expect(count({ after: 2, through: 6 })).toEqual({ count: 3, scannedTo: 6 });
      expect(count({ cursor: 5 })).toEqual({ count: 2, scannedTo: 100 });
      expect(count({ cursor: 5, lanes: [["a", 3]] })).toEqual({ count: 4, scannedTo: 100 });
      expect(count({ cursor: 5, lanes: [["a", 4]] })).toEqual({ count: 3, scannedTo: 100 });
      expect(count({ cursor: 7 })).toEqual({ count: 0, scannedTo: 100 });
    }));

  it("looks at a bounded number in one call, and goes on from there", () =>
    withLog(async (log) => {
      const events = Array.from({ length: 1000 }, () => ({}));
      for (let i = 0; i <= COUNT_SCAN_MAX_EVENTS / 1000; i += 1) await log.append(appendOf(...events));
      log.register("sub", ALL, 1, "earliest");
      const through = COUNT_SCAN_MAX_EVENTS + 1000;
      const first = log.countFor("sub", { ...range, through });
      expect(first).toEqual({ ok: true, value: { count: COUNT_SCAN_MAX_EVENTS, scannedTo: COUNT_SCAN_MAX_EVENTS } });
      const rest = log.countFor("sub", { ...range, after: COUNT_SCAN_MAX_EVENTS, through });
      expect(rest).toEqual({ ok: true, value: { count: 1000, scannedTo: through } });
    }));

  it("counts by the filter alone, and knows nobody it was not told of", () =>
    withLog(async (log) => {
      await log.append(appendOf({ type: "other" }, {}));
      expect(log.countFor("sub", range)).toMatchObject({ ok: false, error: { code: "not-found" } });
      log.register("sub", PAID, 1, "earliest");
      expect(log.countFor("sub", range)).toEqual({ ok: true, value: { count: 1, scannedTo: 100 } });
    }));
});

describe("eventCounts", () => {
  it("are by the time of receipt, aligned, without empty buckets", () =>
    withLog(async (log, clock) => {
      const start = clock.now;
      await log.append(appendOf({}, {}));
      clock.now = start + MINUTE_MS - 1;
      await log.append(appendOf({}));
      clock.now = start + 3 * MINUTE_MS;
      await log.append(appendOf({}, {}, {}));
      const counts = (since: number, until: number) => {
        const counted = log.eventCounts(since, until, MINUTE_MS);
        return counted.ok && counted.value;
      };
      const first = { start, events: 3 };
      const fourth = { start: start + 3 * MINUTE_MS, events: 3 };
      expect(counts(start - DAY_MS / 2, start + DAY_MS / 2)).toEqual([first, fourth]);
      expect(counts(start, start + 3 * MINUTE_MS)).toEqual([first]);
      expect(counts(start + 1, start + DAY_MS / 2)).toEqual([{ ...first, events: 1 }, fourth]);
      expect(counts(start + 3 * MINUTE_MS + 1, start + DAY_MS / 2)).toEqual([]);
      expect(log.eventCounts(0, (EVENT_COUNT_BUCKETS_MAX + 1) * MINUTE_MS, MINUTE_MS)).toMatchObject({
        ok: false,
        error: { code: "invalid" },
      });
    }));
});
