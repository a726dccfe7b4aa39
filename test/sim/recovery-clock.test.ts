import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLOCK_SKEW_MAX_MS, PROBE_MAX_MS, PULL_MAX_EVENTS, WAKE_BACKSTOP_MS } from "../../src/core/limits.ts";
import { NO_FAULTS } from "../support/sim/faults.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { objectOf, Stage } from "../support/sim/stage.ts";

/** Clocks that jump (Storage, clock, schema: D07, D08). Offsets never come from the time, and nobody is forgotten. */

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const all = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
const retry = { scheduleSeconds: [5, 5], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;

/** The machine's clock is set; what was to happen at a time of the old clock happens at that time of the new one. */
function setClock(stage: Stage, by: number): void {
  stage.world.ground.timeline.now += by;
}

describe.each([
  ["back half a minute", -MINUTE_MS / 2],
  ["back an hour", -HOUR_MS],
  ["back a year", -365 * 24 * HOUR_MS],
  ["forward an hour", HOUR_MS],
  ["forward ten days", 240 * HOUR_MS],
])("D07 a clock that is set %s", (_name, by) => {
  it("leaves offsets gapless and the log's time in order, over a restart too", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.publish(3);
    setClock(stage, by);
    await stage.publish(3);
    stage.world.ground.crash();
    await stage.publish(3);
    const read = await stage.drive(
      stage.log.read({
        ...{ after: null, before: null, since: null, until: null, order: "asc", type: null, key: null, limit: 200 },
      }),
    );
    const events = read.ok ? read.value.events : [];
    expect(events.map(({ offset }) => offset)).toEqual(all(9));
    const times = events.map(({ receivedAt }) => receivedAt);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    await stage.pass(MINUTE_MS);
    expect(new Set(stage.offsets("sub_1"))).toEqual(new Set(all(9)));
  });

  it("does not keep later events from an idle subscription, however many they are", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.publish(3);
    await stage.pass(MINUTE_MS);
    stage.world.object(objectOf("sub_1")).restart("evicted");
    await stage.publish();
    await stage.pass(1000);
    setClock(stage, by);
    stage.world.object(objectOf("sub_1")).restart("evicted");
    await stage.publish(2 * PULL_MAX_EVENTS);
    await stage.pass(MINUTE_MS);
    await stage.publish(2 * PULL_MAX_EVENTS);
    await stage.pass(MINUTE_MS);
    await stage.publish();
    await stage.pass(MINUTE_MS);
    expect(new Set(stage.offsets("sub_1"))).toEqual(new Set(all(4 * PULL_MAX_EVENTS + 5)));
  });

  it("does not lose the news of a commit whose wake a crash has eaten", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.pass(MINUTE_MS);
    await stage.publish();
    stage.world.ground.faults = { ...NO_FAULTS, requestLost: 1 };
    await stage.pass(50);
    stage.world.ground.crash();
    stage.world.ground.faults = NO_FAULTS;
    setClock(stage, by);
    // Something wakes the log that tells nobody anything; the alarm comes when it comes.
    await stage.drive(stage.log.describe());
    await stage.pass(Math.max(0, -by) + 2 * WAKE_BACKSTOP_MS);
    expect(stage.offsets("sub_1")).toEqual([1]);
  });

  it("ends an open lease, makes a due retry and a due probe, all by themselves", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_lease", "ok");
    await stage.subscribe("sub_retry", "failing", { retry });
    await stage.subscribe("sub_held", "failing", { retry: { ...retry, holdAfterFailures: 1 } });
    stage.behave("sub_lease", { kind: "silence" });
    await stage.publish();
    await stage.pass(500);
    for (const id of ["sub_lease", "sub_retry", "sub_held"]) {
      stage.behave(id, { kind: "answer", after: 1, status: 200 });
      stage.world.object(objectOf(id)).restart("moved");
    }
    stage.world.ground.crash();
    setClock(stage, by);
    // Nobody knocks: what was to happen at a time happens then.
    await stage.pass(Math.max(0, -by) + 2 * PROBE_MAX_MS);
    for (const id of ["sub_lease", "sub_retry", "sub_held"]) {
      expect([id, (await stage.delivery(id, 1)).state]).toEqual([id, "delivered"]);
    }
  });
});

it.each([
  ["2038, when 32 bits are full", Date.UTC(2038, 0, 19, 3, 14, 7)],
  ["2100, no leap year", Date.UTC(2100, 1, 28, 23, 59, 59)],
  ["2106, when 32 unsigned bits are full", Date.UTC(2106, 1, 7, 6, 28, 15)],
])("D08 all goes on over %s", async (_name, moment) => {
  const stage = new Stage();
  setClock(stage, moment - 2000 - stage.world.ground.timeline.now);
  await stage.createTopic();
  await stage.subscribe("sub_1", "failing", { retry, ordering: "topic" });
  await stage.publish(2);
  await stage.pass(3000);
  stage.world.subscribers.manners.set("sub_1", "ok");
  stage.world.ground.crash();
  await stage.publish();
  await stage.pass(MINUTE_MS);
  expect(stage.offsets("sub_1")).toEqual([1, 1, 2, 3]);
  const [first, second] = stage.requests("sub_1");
  const waited = (second?.started.at ?? 0) - (first?.ended?.at ?? 0);
  expect(waited).toBeGreaterThanOrEqual(5000);
  expect(waited).toBeLessThan(12_000);
  expect((await stage.delivery("sub_1", 1)).state).toBe("delivered");
});

describe("a clock that is set back an hour, and somebody who knocks", () => {
  it.each([
    ["an event", (stage: Stage) => stage.publish()],
    ["a message of the retry queue", async (stage: Stage) => stage.hint("sub_1")],
  ])("%s finds a lease of the old clock, and does not wait the hour", async (_name, knock) => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok", { ordering: "topic" });
    stage.behave("sub_1", { kind: "silence" });
    await stage.publish();
    await stage.pass(500);
    stage.behave("sub_1", null);
    stage.world.ground.crash();
    setClock(stage, -HOUR_MS);
    await knock(stage);
    await stage.pass(CLOCK_SKEW_MAX_MS);
    expect((await stage.delivery("sub_1", 1)).state).toBe("delivered");
  });

  it("a message of the queue finds a retry of the old clock, and does not wait the hour", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "failing", { retry });
    await stage.publish();
    await stage.pass(500);
    setClock(stage, -HOUR_MS);
    stage.hint("sub_1");
    await stage.pass(CLOCK_SKEW_MAX_MS);
    expect(stage.requests("sub_1").length).toBe(3);
  });

  it("a log whose alarm is an hour away is asked for its head, and its subscription hears of it", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.pass(MINUTE_MS);
    await stage.publish();
    stage.world.ground.faults = { ...NO_FAULTS, requestLost: 1 };
    await stage.pass(50);
    stage.world.ground.crash();
    stage.world.ground.faults = NO_FAULTS;
    setClock(stage, -HOUR_MS);
    await stage.drive(stage.log.describe());
    await stage.pass(MINUTE_MS);
    expect(stage.offsets("sub_1")).toEqual([1]);
  });

  it("a retry after a hold that ended before keeps its schedule", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "failing", {
      retry: { ...retry, scheduleSeconds: [5, 5, 5], holdAfterFailures: 3 },
    });
    await stage.publish();
    await stage.pass(20_000);
    stage.world.subscribers.manners.set("sub_1", "ok");
    await stage.pass(MINUTE_MS);
    expect((await stage.delivery("sub_1", 1)).state).toBe("delivered");
    for (const by of [-HOUR_MS, -CLOCK_SKEW_MAX_MS / 2]) {
      setClock(stage, by);
      stage.world.subscribers.manners.set("sub_1", "failing");
      await stage.publish();
      const before = stage.requests("sub_1").length;
      await stage.pass(14_000);
      const starts = stage.requests("sub_1").slice(before);
      expect(starts).toHaveLength(3);
      starts.slice(1).forEach(({ started }, index) => {
        expect(started.at - (starts[index]?.started.at ?? Number.NaN)).toBeGreaterThanOrEqual(5000);
      });
      stage.world.subscribers.manners.set("sub_1", "ok");
      await stage.pass(MINUTE_MS);
    }
  });

  it.each([
    ["a rate limit", { rateLimit: { perSecond: 1 } }, 5],
    ["batches", { batch: { maxEvents: 10, maxWaitMilliseconds: 1000 } }, 1],
  ])("a subscription with %s goes on at once", async (_name, more, least) => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok", more);
    await stage.publish(3);
    await stage.pass(CLOCK_SKEW_MAX_MS);
    const before = stage.requests("sub_1").length;
    setClock(stage, -HOUR_MS);
    await stage.publish(5);
    await stage.pass(10_000);
    expect(stage.requests("sub_1").length).toBeGreaterThanOrEqual(before + least);
    const view = await stage.drive(stage.subscription("sub_1").view());
    expect(view).toMatchObject({ ok: true, value: { lag: 0 } });
  });
});
