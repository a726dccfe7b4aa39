import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OUTBOX_RESEND_FIRST_MS, RETRY_ALARM_SLACK_MS } from "../../src/core/limits.ts";
import { NO_FAULTS } from "../support/sim/faults.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { DIRECTORY, objectOf, Stage } from "../support/sim/stage.ts";

/** Queue messages are hints: whatever becomes of them, what is due happens, once (the Queue group of bad inputs). */

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

const retry = (...scheduleSeconds: number[]) =>
  ({ scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null }) as const;

/** How late a retry may be whose message got lost. */
const LOST_MAX_MS = RETRY_ALARM_SLACK_MS + 2000;
const MINUTE_MS = 60_000;

/** Starts of the requests, in milliseconds after the end of the one before. */
function pauses(stage: Stage, id: string): number[] {
  const requests = stage.requests(id);
  return requests.slice(1).map(({ started }, index) => started.at - (requests[index]?.ended?.at ?? Number.NaN));
}

async function failing(stage: Stage, ...scheduleSeconds: number[]): Promise<void> {
  await stage.createTopic();
  await stage.subscribe("sub_1", "failing", { retry: retry(...scheduleSeconds) });
  await stage.publish();
}

describe.each([
  ["Q05 loses every message", { queueDrops: 1 }],
  ["Q08 takes no message", { queueRejects: 1 }],
])("a queue that %s", (_name, faults) => {
  it("delays a retry by six seconds at most", async () => {
    const stage = new Stage();
    stage.world.ground.faults = { ...NO_FAULTS, ...faults };
    await failing(stage, 2, 30);
    await stage.pass(2 * MINUTE_MS);
    const [second, third] = pauses(stage, "sub_1");
    for (const [pause, due] of [
      [second, 2000],
      [third, 30_000],
    ] as const) {
      expect(pause).toBeGreaterThanOrEqual(due);
      expect(pause).toBeLessThan(due + LOST_MAX_MS);
    }
    expect(stage.requests("sub_1")).toHaveLength(3);
  });

  it("keeps a dead letter from the index only as long as it does so", async () => {
    const stage = new Stage();
    stage.world.ground.faults = { ...NO_FAULTS, ...faults };
    await failing(stage);
    await stage.pass(2000);
    expect((await stage.delivery("sub_1", 1)).state).toBe("dead");
    stage.world.ground.faults = NO_FAULTS;
    await stage.pass(2 * OUTBOX_RESEND_FIRST_MS);
    expect((await stage.deadLetters()).map(({ offset }) => offset)).toEqual([1]);
  });
});

describe("a retry message", () => {
  it("Q02 Q04 Q13 that is early, repeated or out of order begins nothing: the stored time rules", async () => {
    const stage = new Stage();
    await failing(stage, 20);
    for (const seconds of [1, 1, 3, 7, 15, 15]) stage.hint("sub_1", seconds);
    await stage.pass(MINUTE_MS);
    expect(pauses(stage, "sub_1")).toEqual([expect.toSatisfy((pause) => pause >= 20_000 && pause < 22_000)]);
  });

  it("Q02 that comes again and again when the retry is due makes one attempt", async () => {
    const stage = new Stage();
    await failing(stage, 5, 3600);
    for (let times = 0; times < 20; times++) stage.hint("sub_1", 5);
    await stage.pass(MINUTE_MS);
    expect((await stage.delivery("sub_1", 1)).attempts.map(({ number }) => number)).toEqual([1, 2]);
  });

  it("Q03 that comes hours late, after success, pause or deletion, begins nothing", async () => {
    const stage = new Stage();
    await stage.createTopic();
    for (const id of ["sub_ok", "sub_paused", "sub_deleted"]) {
      await stage.subscribe(id, id === "sub_ok" ? "flaky" : "failing", { retry: retry(5, 5, 5) });
    }
    await stage.publish(3);
    await stage.pass(1000);
    await stage.drive(stage.subscription("sub_paused").pause());
    await stage.drive(stage.subscription("sub_deleted").remove());
    await stage.pass(MINUTE_MS);
    const before = stage.world.journal.requests.length;
    for (const id of ["sub_ok", "sub_paused", "sub_deleted"]) stage.hint(id, 3 * 3600);
    await stage.pass(4 * 3_600_000);
    expect(stage.world.journal.requests).toHaveLength(before);
    expect(stage.world.object(objectOf("sub_deleted")).pendingAlarm).toBeNull();
  });

  it("Q13 of a delay longer than the queue can wait comes early, and another is sent", async () => {
    const stage = new Stage();
    await failing(stage, 86_400);
    await stage.pass(90_000_000);
    const [pause] = pauses(stage, "sub_1");
    expect(pause).toBeGreaterThanOrEqual(86_400_000);
    expect(pause).toBeLessThan(86_402_000);
  });
});

describe("a batch of messages", () => {
  it("Q06 Q09 with one object that cannot be asked: the other nine are asked once, the tenth as soon as it answers", async () => {
    const stage = new Stage();
    await stage.createTopic();
    const ids = Array.from({ length: 10 }, (_, n) => `sub_${n}`);
    for (const id of ids) await stage.subscribe(id, "ok");
    const asked = new Map(ids.map((id) => [id, 0]));
    for (const id of ids) {
      const object = stage.world.object(objectOf(id));
      const { invoke } = object;
      object.invoke = (method, args) => {
        if (method === "retryDue") asked.set(id, (asked.get(id) ?? 0) + 1);
        // The queue gives up after four tries and leaves the message to the dead-letter queue.
        if (id === "sub_7" && (asked.get(id) ?? 0) <= 6) return Promise.reject(new Error("reset"));
        return invoke.call(object, method, args);
      };
    }
    for (const id of ids) stage.hint(id);
    await stage.pass(2 * MINUTE_MS);
    expect(Object.fromEntries(asked)).toEqual(Object.fromEntries(ids.map((id) => [id, id === "sub_7" ? 7 : 1])));
  });

  it("Q07 of poison holds up nobody, in either queue", async () => {
    const stage = new Stage();
    const poison = [null, "x", 7, [], {}, { version: 2, subscription: "acme/sub_1" }, { version: 1, subscription: "" }];
    for (const body of poison) {
      stage.world.retries.enqueue(body, 0);
      stage.world.deadLetters.enqueue(body, 0);
      stage.world.retries.enqueue(body, 2);
    }
    await failing(stage, 2);
    await stage.pass(MINUTE_MS);
    expect(pauses(stage, "sub_1")[0]).toBeLessThan(4000);
    expect((await stage.deadLetters()).map(({ offset }) => offset)).toEqual([1]);
  });
});

describe("a dead-letter message", () => {
  it("Q12 that comes twice, or after its letter has been dealt with, lists one letter, or none", async () => {
    const stage = new Stage();
    stage.world.ground.faults = { ...NO_FAULTS, queueRepeats: 1 };
    await failing(stage);
    await stage.pass(MINUTE_MS);
    const [letter, ...others] = await stage.deadLetters();
    expect([letter?.offset, others]).toEqual([1, []]);
    stage.world.subscribers.manners.set("sub_1", "ok");
    await stage.drive(stage.subscription("sub_1").retry(letter?.eventId ?? ""));
    await stage.pass(MINUTE_MS);
    expect(await stage.deadLetters()).toEqual([]);
    // A copy of the first message, a day late.
    const message = { version: 1, tenant: "acme", subscription: "sub_1", outbox: 1, action: "add", letter };
    stage.world.deadLetters.enqueue(message, 86_400);
    await stage.pass(90_000_000);
    expect(await stage.deadLetters()).toEqual([]);
  });

  it("waits for a Directory that is down, and gets there without anybody asking", async () => {
    const stage = new Stage();
    const up = stage.outage(DIRECTORY);
    await failing(stage);
    await stage.pass(10 * MINUTE_MS);
    up();
    await stage.pass(15 * MINUTE_MS);
    expect((await stage.deadLetters()).map(({ offset }) => offset)).toEqual([1]);
    expect(stage.world.object(objectOf("sub_1")).stored.exec("SELECT id FROM outbox")).toEqual([]);
  });
});
