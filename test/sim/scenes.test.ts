import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROBE_FIRST_MS, PROBE_MAX_MS } from "../../src/core/limits.ts";
import type { DeliveriesQuery, Delivery, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { NO_FAULTS } from "../support/sim/faults.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { LOG, Stage } from "../support/sim/stage.ts";

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

const HOUR_MS = 3_600_000;
const EVERYTHING = { state: null, type: null, since: null, until: null, limit: 50 } as const;
const held = { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: 2 } as const;

describe("probes of a failing subscription", () => {
  it("come after 5 s, doubling to 60 s, whatever was under way when the hold began", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "failing", { retry: held });
    await stage.publish(20);
    await stage.pass(300_000);
    const probes = stage.requests("sub_1").filter(({ send }) => send.trigger === "probe");
    const pauses = probes.slice(1).map(({ started }, index) => started.at - (probes[index]?.started.at ?? 0));
    const wanted = [2, 4, 8].map((factor) => factor * PROBE_FIRST_MS);
    // A probe takes its time, and its answer; that much later the next one comes.
    pauses.slice(0, wanted.length).forEach((pause, index) => {
      expect(pause - (wanted[index] ?? 0)).toBeGreaterThanOrEqual(0);
      expect(pause - (wanted[index] ?? 0)).toBeLessThan(200);
    });
    for (const pause of pauses.slice(wanted.length)) expect(Math.abs(pause - PROBE_MAX_MS)).toBeLessThan(200);
    const last = Math.max(
      ...stage
        .requests("sub_1")
        .filter(({ send }) => send.trigger !== "probe")
        .map((one) => one.started.at),
    );
    expect((probes[0]?.started.at ?? 0) - last).toBeLessThan(PROBE_FIRST_MS + 200);
  });

  it("do not make the delivery log endless, however many they are", async () => {
    const stage = new Stage();
    await stage.createTopic();
    await stage.subscribe("sub_1", "failing", { retry: { ...held, holdAfterFailures: 1 } });
    await stage.publish(3);
    await stage.pass(30 * HOUR_MS);
    expect(stage.requests("sub_1").length).toBeGreaterThan(1500);
    const listed: Delivery[] = [];
    for (let before: number | null = null, pages = 0; pages < 20; pages++) {
      const query: DeliveriesQuery = { ...EVERYTHING, before };
      const page: Awaited<ReturnType<SubscriptionRpc["deliveries"]>> = await stage.drive(
        stage.subscription("sub_1").deliveries(query),
      );
      if (!page.ok) throw new Error(page.error.code);
      listed.push(...page.value.deliveries);
      before = page.value.next;
      if (before === null) break;
    }
    expect(listed.map(({ offset }) => offset)).toEqual([3, 2, 1]);
    const attempts = listed.reduce((sum, delivery) => sum + delivery.attempts.length, 0);
    expect(attempts).toBe(stage.requests("sub_1").length);
  });
});

describe("news", () => {
  it("reach the others while one subscription does not answer its wake", async () => {
    const stage = new Stage({
      logDeps: (deps) => ({
        ...deps,
        wake: (id, wake) => (id === "sub_1" ? new Promise(() => undefined) : deps.wake(id, wake)),
      }),
    });
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.subscribe("sub_2", "ok");
    for (let i = 0; i < 3; i++) {
      await stage.publish();
      await stage.pass(500);
    }
    expect(stage.offsets("sub_2")).toEqual([1, 2, 3]);
  });

  it("are told again after a restart on a machine whose clock is behind", async () => {
    const stage = new Stage();
    const { ground } = stage.world;
    await stage.createTopic();
    await stage.subscribe("sub_1", "ok");
    await stage.pass(60_000);
    await stage.publish();
    // The wake is on its way, and never arrives.
    stage.world.object(LOG).restart("the object moved");
    stage.world.object("sub:acme/sub_1").restart("the object moved");
    ground.faults = { ...NO_FAULTS, requestLost: 1 };
    await stage.pass(50);
    ground.faults = NO_FAULTS;
    ground.timeline.now -= 3000;
    const described = stage.log.describe();
    await stage.drive(described);
    await stage.pass(30_000);
    expect(stage.offsets("sub_1")).toEqual([1]);
  });
});

describe("retention", () => {
  it("drops what is older, also where nobody has ever subscribed", async () => {
    const stage = new Stage();
    await stage.createTopic(1);
    await stage.publish(3);
    await stage.pass(26 * HOUR_MS);
    await stage.publish();
    await stage.pass(1000);
    const described = await stage.drive(stage.log.describe());
    expect(described).toMatchObject({ ok: true, value: { firstOffset: 4, nextOffset: 5 } });
  });
});
