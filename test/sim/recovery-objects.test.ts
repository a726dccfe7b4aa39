import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LEASE_GRACE_MS, PULL_MAX_EVENTS, WAKE_BACKSTOP_MS } from "../../src/core/limits.ts";
import type { SendResult } from "../../src/subscription/rpc.ts";
import { NO_FAULTS } from "../support/sim/faults.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { DIRECTORY, LOG, objectOf, Stage } from "../support/sim/stage.ts";

/** Objects that die, are evicted or cannot write: everything goes on by itself, and nobody knocks. */

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

const MINUTE_MS = 60_000;
const LEASE_MS = 1000 + LEASE_GRACE_MS;
const outcomes = async (stage: Stage, id: string, offset: number) =>
  (await stage.delivery(id, offset)).attempts.map(({ outcome }) => outcome);

describe("a lease that is open when the power goes", () => {
  it("ends when its time is up, not before, and its events are sent again (C06, O09)", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "hanging", { timeoutSeconds: 10, ordering: "topic" });
    stage.behave("sub_1", { kind: "silence" });
    await stage.publish(3);
    await stage.pass(100);
    stage.behave("sub_1", null);
    stage.world.subscribers.manners.set("sub_1", "ok");
    const leasedAt = stage.requests("sub_1")[0]?.part.leasedAt ?? Number.NaN;
    stage.world.ground.crash();
    await stage.pass(MINUTE_MS);
    expect(stage.offsets("sub_1")).toEqual([1, 1, 2, 3]);
    const again = (stage.requests("sub_1")[1]?.started.at ?? Number.NaN) - leasedAt;
    expect(again).toBeGreaterThanOrEqual(10_000 + LEASE_GRACE_MS);
    expect(again).toBeLessThan(10_000 + LEASE_GRACE_MS + 100);
    expect(await outcomes(stage, "sub_1", 1)).toEqual(["interrupted", "success"]);
  });

  it("that was found again and again by crashes in a row is still one interruption (C12)", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    stage.behave("sub_1", { kind: "silence" });
    await stage.publish();
    await stage.pass(100);
    stage.behave("sub_1", null);
    for (let crashes = 0; crashes < 10; crashes++) {
      stage.world.ground.crash();
      await stage.pass(200);
    }
    await stage.pass(MINUTE_MS);
    expect(await outcomes(stage, "sub_1", 1)).toEqual(["interrupted", "success"]);
  });
});

describe("an eviction while sends are under way", () => {
  it("sends nothing again: the deliverer reports to the object that woke", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok", { timeoutSeconds: 20 });
    stage.behave("sub_1", { kind: "answer", after: 15_000, status: 200 });
    await stage.publish(4);
    for (let seconds = 0; seconds < 14; seconds++) {
      await stage.pass(1000);
      stage.world.object(objectOf("sub_1")).restart("evicted");
      stage.hint("sub_1");
    }
    await stage.pass(MINUTE_MS);
    expect(stage.offsets("sub_1").sort()).toEqual([1, 2, 3, 4]);
    for (const offset of [1, 2, 3, 4]) expect(await outcomes(stage, "sub_1", offset)).toEqual(["success"]);
  });

  it("and a report that comes after the lease has expired is recorded, and settles (7.3)", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    stage.behave("sub_1", { kind: "answer", after: 900, status: 200 });
    await stage.publish();
    await stage.pass(500);
    const { part, send } = stage.requests("sub_1")[0] ?? expect.fail("nothing was sent");
    // The deliverer dies, having sent; somebody hands its report in long after.
    stage.world.deliverers.killOne();
    stage.behave("sub_1", { kind: "silence" });
    await stage.pass(LEASE_MS + 200);
    expect(await outcomes(stage, "sub_1", 1)).toEqual(["interrupted", null]);
    const result: SendResult = {
      kind: "answered",
      lease: send.lease,
      offset: 1,
      attemptId: send.attemptId,
      statusCode: 200,
      error: null,
      startedAt: part.leasedAt,
      durationMilliseconds: 900,
      bodyBytes: 2,
      response: null,
      retryAfterMilliseconds: null,
      instruction: null,
    };
    await stage.drive(stage.subscription("sub_1").report({ deliverer: part.deliverer, results: [result], wants: 0 }));
    expect((await stage.delivery("sub_1", 1)).attempts[0]).toMatchObject({ outcome: "success", statusCode: 200 });
    await stage.pass(MINUTE_MS);
    expect((await stage.delivery("sub_1", 1)).state).toBe("delivered");
    expect(stage.requests("sub_1")).toHaveLength(2);
  });
});

describe("both objects dying", () => {
  it("right after a wake was accepted lose nothing (C04)", async () => {
    let deaths = 0;
    const stage: Stage = new Stage({
      logDeps: (deps) => ({
        ...deps,
        wake: async (id, wake) => {
          const answer = await deps.wake(id, wake);
          if (deaths++ < 3) {
            stage.world.object(objectOf(id)).restart("died");
            stage.world.object(LOG).restart("died");
          }
          return answer;
        },
      }),
    });
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok", { ordering: "topic" });
    await stage.pass(MINUTE_MS);
    await stage.publish(PULL_MAX_EVENTS + 40);
    await stage.pass(2 * MINUTE_MS);
    expect([...new Set(stage.offsets("sub_1"))]).toEqual(Array.from({ length: PULL_MAX_EVENTS + 40 }, (_, n) => n + 1));
    expect(deaths).toBeGreaterThan(0);
  });

  it("between the third and the fourth of ten wakes leave nobody without news (C05)", async () => {
    let wakes = 0;
    let armed = false;
    const stage: Stage = new Stage({
      logDeps: (deps) => ({
        ...deps,
        wake: (id, wake) => {
          if (armed && ++wakes === 4) stage.world.ground.crash();
          return deps.wake(id, wake);
        },
      }),
    });
    await stage.createTopic();
    const ids = Array.from({ length: 10 }, (_, n) => `sub_${n}`);
    for (const id of ids) await stage.subscribe(id, "ok");
    await stage.pass(MINUTE_MS);
    armed = true;
    await stage.publish();
    await stage.pass(WAKE_BACKSTOP_MS + LEASE_MS + 1000);
    for (const id of ids) expect(new Set(stage.offsets(id))).toEqual(new Set([1]));
    expect(wakes).toBeGreaterThan(4);
  });
});

describe("an alarm", () => {
  it("long past due when its object wakes does everything that is due, once (C18)", async () => {
    const stage = new Stage();
    await stage.createTopic();
    const retry = { scheduleSeconds: [60], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;
    await stage.subscribe("sub_1", "failing", { retry });
    await stage.subscribe("sub_2", "ok");
    await stage.publish(20);
    await stage.pass(2000);
    stage.world.subscribers.manners.set("sub_1", "ok");
    await stage.publish();
    stage.world.ground.crash();
    stage.world.ground.timeline.jump(10 * 3_600_000);
    const backAt = stage.world.ground.timeline.now;
    await stage.pass(MINUTE_MS);
    const late = stage.requests("sub_1").filter(({ started }) => started.at >= backAt);
    expect(late.map(({ send }) => send.event.offset).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 21 }, (_, n) => n + 1),
    ]);
    for (const { started } of late) expect(started.at - backAt).toBeLessThan(2000);
    expect(new Set(stage.offsets("sub_2")).size).toBe(21);
  });

  it("whose handler cannot write, twenty times and more, is always set again (O05)", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    stage.behave("sub_1", { kind: "silence" });
    await stage.publish();
    await stage.pass(100);
    stage.behave("sub_1", null);
    stage.world.ground.crash();
    stage.world.ground.faults = { ...NO_FAULTS, storage: 1 };
    for (let seconds = 0; seconds < 120; seconds++) {
      await stage.pass(1000);
      expect(stage.world.object(objectOf("sub_1")).pendingAlarm).not.toBeNull();
    }
    expect(stage.requests("sub_1")).toHaveLength(1);
    stage.world.ground.faults = NO_FAULTS;
    await stage.pass(2 * WAKE_BACKSTOP_MS);
    expect(await outcomes(stage, "sub_1", 1)).toEqual(["interrupted", "success"]);
  });

  it("of a log that cannot write is set again too: the subscriptions of a deleted topic end", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    const up = stage.outage(objectOf("sub_1"));
    expect(await stage.drive(stage.log.destroy(true))).toMatchObject({ ok: true });
    stage.world.ground.faults = { ...NO_FAULTS, storage: 1 };
    await stage.pass(2 * MINUTE_MS);
    up();
    await stage.pass(2 * MINUTE_MS);
    stage.world.ground.faults = NO_FAULTS;
    await stage.pass(2 * MINUTE_MS);
    expect(await stage.drive(stage.subscription("sub_1").view())).toMatchObject({ error: { code: "not-found" } });
    expect(stage.world.object(LOG).stored.exec("SELECT id FROM subscribers")).toEqual([]);
  });
});

describe("a subscription whose tenant's Directory is down", () => {
  const entries = (stage: Stage) =>
    stage.world.object(DIRECTORY).stored.exec("SELECT id FROM subscriptions WHERE id = 'sub_1'").length;

  it("is created as soon as it is back, and not before it has its name", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_0", "ok");
    const up = stage.outage(DIRECTORY);
    await stage.subscribe("sub_1", "ok");
    await stage.publish();
    await stage.pass(5 * MINUTE_MS);
    expect(await stage.drive(stage.subscription("sub_1").view())).toMatchObject({ error: { code: "not-found" } });
    expect(stage.offsets("sub_1")).toEqual([]);
    stage.world.ground.crash();
    up();
    await stage.pass(2 * WAKE_BACKSTOP_MS);
    expect(entries(stage)).toBe(1);
    expect(stage.offsets("sub_1")).toEqual([1]);
  });

  it("is not created where its name was given away meanwhile: nothing of it is left", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_0", "ok");
    const up = stage.outage(DIRECTORY);
    await stage.subscribe("sub_1", "ok", { name: "billing" });
    up();
    await stage.subscribe("sub_2", "ok", { name: "billing" });
    await stage.pass(MINUTE_MS);
    await stage.publish();
    await stage.pass(MINUTE_MS);
    expect(stage.offsets("sub_1")).toEqual([]);
    expect(stage.offsets("sub_2")).toEqual([1]);
    expect(entries(stage)).toBe(0);
    const described = await stage.drive(stage.log.describe());
    expect(described).toMatchObject({ ok: true, value: { subscriptions: 2 } });
    expect(stage.world.object(objectOf("sub_1")).stored.exec("SELECT id FROM subscription")).toEqual([]);
  });

  it("is deleted all the same: nothing is sent any more, and the name is free when it is back", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    const up = stage.outage(DIRECTORY);
    expect(await stage.drive(stage.subscription("sub_1").remove())).toMatchObject({ ok: true });
    await stage.publish();
    await stage.pass(MINUTE_MS);
    stage.world.ground.crash();
    await stage.pass(20 * MINUTE_MS);
    expect(stage.offsets("sub_1")).toEqual([]);
    expect(entries(stage)).toBe(1);
    up();
    await stage.pass(20 * MINUTE_MS);
    expect(entries(stage)).toBe(0);
    expect(stage.world.object(objectOf("sub_1")).stored.exec("SELECT id FROM subscription")).toEqual([]);
  });
});
