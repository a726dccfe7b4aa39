import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  COMMIT_GATHER_MS,
  COMMIT_GATHER_REQUESTS,
  IDEMPOTENCY_BUCKET_MS,
  IDEMPOTENCY_WINDOW_MS,
} from "../../src/core/limits.ts";
import { topicLog } from "../../src/rpc/objects.ts";
import type { ReadQuery } from "../../src/topic-log/rpc.ts";
import { withLog } from "../support/clock-log.ts";
import { appendOf, eventually, newSubscription, newTopic, SETTINGS } from "../support/objects.ts";

const DAY_MS = 86_400_000;
const EVERYTHING: ReadQuery = {
  ...{ after: null, before: null, since: null, until: null, order: "asc", type: null, key: null, limit: 200 },
};
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (data: string) => new TextEncoder().encode(data);

describe("append", () => {
  it("gives offsets from 1 without gaps, across an eviction, and keeps the bytes", async () => {
    const { tenant, log, stub } = await newTopic();
    const data = '{"n": 9007199254740993, "s":"\\ud800"}';
    const first = await log.append(appendOf({ data: bytes(data) }, {}));
    await evictDurableObject(stub);
    const again = topicLog(env, tenant, "orders");
    const second = await again.append(appendOf({}));
    expect([first, second].flatMap((one) => (one.ok ? one.value.map((event) => event.offset) : []))).toEqual([1, 2, 3]);
    const read = await again.read(EVERYTHING);
    expect(read.ok && read.value.events.map((event) => event.offset)).toEqual([1, 2, 3]);
    expect(read.ok && text(read.value.events[0]?.data ?? bytes(""))).toBe(data);
  });

  it("of 50 at once with one key and the same bytes makes one event", async () => {
    const { log } = await newTopic();
    const claim = { key: "once", fingerprint: "same" };
    const answers = await Promise.all(Array.from({ length: 50 }, () => log.append(appendOf({ idempotency: claim }))));
    const events = answers.flatMap((answer) => (answer.ok ? answer.value : []));
    expect(new Set(events.map((event) => event.id)).size).toBe(1);
    expect(events.filter((event) => !event.duplicate)).toHaveLength(1);
    const described = await log.describe();
    expect(described.ok && described.value.nextOffset).toBe(2);
  });

  it("refuses one request without harming its neighbours in the same commit", async () => {
    const { log } = await newTopic();
    await log.append(appendOf({ idempotency: { key: "k", fingerprint: "one" } }));
    const [before, refused, after] = await Promise.all([
      log.append(appendOf({})),
      log.append(appendOf({}, { idempotency: { key: "k", fingerprint: "other" } })),
      log.append(appendOf({})),
    ]);
    expect(refused).toMatchObject({ ok: false, error: { code: "idempotency-conflict" } });
    expect([before, after].map((one) => one.ok && one.value[0]?.offset)).toEqual([2, 3]);
  });

  it("at an unexpected offset answers 412 with the next one, and a duplicate is answered before", async () => {
    const { log } = await newTopic();
    const keyed = { ...appendOf({ idempotency: { key: "k", fingerprint: "f" } }), expectedOffset: 1 };
    expect(await log.append(keyed)).toMatchObject({ ok: true });
    expect(await log.append(keyed)).toMatchObject({ ok: true, value: [{ offset: 1, duplicate: true }] });
    expect(await log.append({ ...appendOf({}), expectedOffset: 1 })).toMatchObject({
      ok: false,
      error: { code: "offset-mismatch", extra: { nextOffset: 2 } },
    });
  });

  it("fails all who wait when the commit fails, and leaves nothing", async () => {
    const { log, stub } = await newTopic();
    await log.append(appendOf({}));
    await runInDurableObject(stub, (_, state) => {
      state.storage.sql.exec(
        "CREATE TRIGGER refuse BEFORE INSERT ON segment_1 BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      );
    });
    const keyed = appendOf({ idempotency: { key: "k", fingerprint: "f" } });
    const failed = await Promise.all([log.append(appendOf({})), log.append(keyed)]);
    expect(failed.map((one) => !one.ok && one.error.code)).toEqual(["unavailable", "unavailable"]);
    await runInDurableObject(stub, (_, state) => {
      state.storage.sql.exec("DROP TRIGGER refuse");
    });
    expect(await log.append(keyed)).toMatchObject({ ok: true, value: [{ offset: 2, duplicate: false }] });
  });

  it("has one log line a commit, which names its requests", () =>
    withLog(async (log, _, __, lines) => {
      const named = (requestId: string) => ({ ...appendOf({}), requestId });
      await Promise.all([log.append(named("req_a")), log.append(named("req_b"))]);
      expect(lines).toEqual([{ requests: 2, requestIds: "req_a req_b", events: 2, head: 2 }]);
    }));

  it("alone is committed at once; while the log is busy it gathers, but not beyond sixteen", () =>
    withLog(async (log, _, __, ___, delays) => {
      await log.append(appendOf({}));
      expect(delays).toEqual([]);
      await Promise.all(Array.from({ length: COMMIT_GATHER_REQUESTS - 1 }, () => log.append(appendOf({}))));
      expect(delays).toEqual([COMMIT_GATHER_MS]);
      await Promise.all(Array.from({ length: COMMIT_GATHER_REQUESTS }, () => log.append(appendOf({}))));
      expect(delays).toEqual([COMMIT_GATHER_MS, COMMIT_GATHER_MS]);
    }));

  it("cuts a large commit into rows that fit", async () => {
    const { log, stub } = await newTopic();
    const data = bytes(JSON.stringify("x".repeat(400_000)));
    expect(await log.append(appendOf({ data }, { data }, { data }, { data }, { data }))).toMatchObject({ ok: true });
    const sizes = await runInDurableObject(stub, (_, state) =>
      state.storage.sql.exec("SELECT length(body) AS size FROM segment_1").toArray(),
    );
    expect(sizes.length).toBe(3);
    for (const { size } of sizes) expect(Number(size)).toBeLessThan(2_000_000);
  });
});

describe("idempotency over time", () => {
  it("holds for 24 hours less a millisecond, over bucket borders; at 24 hours it is a new event", () =>
    withLog(async (log, clock) => {
      const start = clock.now;
      const claim = appendOf({ idempotency: { key: "k", fingerprint: "f" } });
      await log.append(claim);
      for (let age = IDEMPOTENCY_BUCKET_MS; age < IDEMPOTENCY_WINDOW_MS; age += IDEMPOTENCY_BUCKET_MS) {
        clock.now = start + age;
        await log.append(appendOf({ idempotency: { key: `at-${age}`, fingerprint: "f" } }));
        expect(await log.append(claim)).toMatchObject({ ok: true, value: [{ offset: 1, duplicate: true }] });
      }
      clock.now = start + IDEMPOTENCY_WINDOW_MS - 1;
      expect(await log.append(claim)).toMatchObject({ ok: true, value: [{ offset: 1, duplicate: true }] });
      clock.now = start + IDEMPOTENCY_WINDOW_MS;
      expect(await log.append(claim)).toMatchObject({ ok: true, value: [{ duplicate: false }] });
    }));

  it("the log's time does not go back with the clock", () =>
    withLog(async (log, clock) => {
      await log.append(appendOf({}));
      const first = clock.now;
      clock.now -= 3_600_000;
      await log.append(appendOf({}));
      const read = log.read(EVERYTHING);
      expect(read.ok && read.value.events.map((event) => event.receivedAt)).toEqual([first, first]);
    }));
});

describe("retention", () => {
  it("drops whole segments by age, and reading below says where the log begins", () =>
    withLog(async (log, clock) => {
      log.configure({ retentionDays: 1 });
      await log.append(appendOf({}, {}));
      clock.now += DAY_MS / 2;
      await log.append(appendOf({}));
      clock.now += DAY_MS / 2 + 1;
      await log.onAlarm();
      expect(log.describe()).toMatchObject({ ok: true, value: { firstOffset: 3, nextOffset: 4 } });
      expect(log.read({ ...EVERYTHING, after: 1 })).toMatchObject({
        ok: false,
        error: { code: "log-truncated", extra: { firstOffset: 3 } },
      });
      clock.now += DAY_MS;
      await log.onAlarm();
      expect(log.describe()).toMatchObject({ ok: true, value: { firstOffset: 4, nextOffset: 4 } });
      expect(await log.append(appendOf({}))).toMatchObject({ ok: true, value: [{ offset: 4 }] });
    }));

  it("sets the alarm for the next segment to go", () =>
    withLog(async (log, clock, alarms) => {
      log.configure({ retentionDays: 1 });
      await log.append(appendOf({}));
      await log.onAlarm();
      expect(alarms.at(-1)).toBe(clock.now + DAY_MS);
    }));

  it("of unsettled events makes dead letters before anything is dropped", async () => {
    const { tenant, log, stub } = await newTopic();
    const { rpc } = await newSubscription(tenant);
    await rpc.pause();
    await log.append(appendOf({ key: "a" }, { key: "a" }, {}));
    await runInDurableObject(stub, (_, state) => {
      state.storage.sql.exec("UPDATE segment_1 SET received_at = 0");
    });
    await evictDurableObject(stub);
    await topicLog(env, tenant, "orders").describe();
    await runDurableObjectAlarm(stub);
    expect(await log.describe()).toMatchObject({ ok: true, value: { firstOffset: 4 } });
    const deliveries = await rpc.deliveries({
      ...{ state: null, type: null, since: null, until: null, before: null, limit: 50 },
    });
    expect(deliveries.ok && deliveries.value.deliveries.map((one) => [one.offset, one.state])).toEqual([
      [3, "dead"],
      [2, "dead"],
      [1, "dead"],
    ]);
  });
});

describe("a topic deleted and created again", () => {
  it("continues its offsets with an empty log and empty idempotency", async () => {
    const { log } = await newTopic();
    const keyed = appendOf({ idempotency: { key: "k", fingerprint: "f" } });
    const first = await log.append(keyed);
    expect(await log.destroy(false)).toMatchObject({ ok: true });
    expect(await log.append(keyed)).toMatchObject({ ok: false, error: { code: "not-found" } });
    await log.create(SETTINGS);
    const second = await log.append(keyed);
    expect(second).toMatchObject({ ok: true, value: [{ offset: 2, duplicate: false }] });
    const id = first.ok ? (first.value[0]?.id ?? "") : "";
    expect(await log.event(id)).toMatchObject({ ok: false });
  });

  it("with force ends its subscriptions", async () => {
    const { tenant, log, stub } = await newTopic();
    const { rpc } = await newSubscription(tenant);
    expect(await log.destroy(false)).toMatchObject({ ok: false, error: { code: "topic-has-subscriptions" } });
    expect(await log.destroy(true)).toMatchObject({ ok: true });
    await runDurableObjectAlarm(stub);
    await eventually(async () => !(await rpc.view()).ok);
  });
});
