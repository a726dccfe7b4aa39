import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { subscription, topicLog } from "../../src/rpc/objects.ts";
import type { Subscription } from "../../src/subscription/object.ts";
import type { DeliveriesQuery, SubscriptionConfig, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import type { TopicLog } from "../../src/topic-log/object.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

/** The Durable Object group of bad inputs: what the platform does to objects, and what they cost when they wake. */

type Stub = DurableObjectStub<TopicLog> | DurableObjectStub<Subscription>;

const ALL: DeliveriesQuery = { state: null, type: null, since: null, until: null, before: null, limit: 50 };
const failing = (...scheduleSeconds: number[]): Partial<SubscriptionConfig> => ({
  url: "http://subscriber.example/500",
  retry: { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null },
});

const listed = async (rpc: SubscriptionRpc) => {
  const answer = await rpc.deliveries(ALL);
  return answer.ok ? answer.value.deliveries : [];
};

const pendingAlarm = (stub: Stub): Promise<number | null> =>
  runInDurableObject(stub, (_: TopicLog | Subscription, state) => state.storage.getAlarm());

const exec = (stub: Stub, statement: string, ...bindings: (string | number)[]) =>
  runInDurableObject(stub, (_: TopicLog | Subscription, state) => {
    state.storage.sql.exec(statement, ...bindings);
  });

/** Rows that the object read to wake up, and has read since. */
const rowsRead = (stub: Stub): Promise<number> =>
  runInDurableObject(stub, (object: TopicLog | Subscription) => object.meter.rowsRead);

/** The object ends in the middle of what it does; callers get an error. */
async function reset(stub: Stub): Promise<void> {
  await runInDurableObject(stub, (_: TopicLog | Subscription, state) => state.abort("reset by a test")).catch(
    () => null,
  );
}

describe("O02 an object that is reset", () => {
  it("keeps what it acknowledged, and refuses nobody afterwards", async () => {
    const { tenant } = await newTopic();
    const { config } = await newSubscription(tenant);
    // A stub that threw is of no use any more: everybody asks for a new one.
    const log = () => env.TOPIC_LOG.getByName(`${tenant}/orders/0`);
    const subscriber = () => env.SUBSCRIPTION.getByName(`${tenant}/${config.id}`);
    const acknowledged: number[] = [];
    for (let resets = 0; resets < 5; resets++) {
      const answers = Array.from({ length: 4 }, () =>
        topicLog(env, tenant, "orders")
          .append(appendOf({}))
          .then(
            (answer) => (answer.ok ? answer.value.map(({ offset }) => offset) : []),
            () => [],
          ),
      );
      await reset(resets % 2 === 0 ? log() : subscriber());
      acknowledged.push(...(await Promise.all(answers)).flat());
    }
    const head = await topicLog(env, tenant, "orders").append(appendOf({}));
    const last = head.ok ? (head.value[0]?.offset ?? 0) : 0;
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(Math.max(0, ...acknowledged)).toBeLessThan(last);
    // Nobody knocks again: the wake of the last one, or an alarm.
    await eventually(async () => {
      if ((await pendingAlarm(subscriber())) !== null) await runDurableObjectAlarm(subscriber());
      const states = (await listed(subscription(env, tenant, config.id))).map(({ state }) => state);
      return states.length === last && states.every((state) => state === "delivered");
    });
  });
});

describe("O05 an alarm handler that cannot do its work", () => {
  it("of a subscription is set again each time, ten times, and does it when it can", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant, failing(3600));
    await log.append(appendOf({}));
    await eventually(async () => (await listed(rpc))[0]?.state === "retrying");
    const [delivery] = await listed(rpc);
    await rpc.retry(delivery?.eventId ?? "");
    await exec(stub, "CREATE TRIGGER full BEFORE UPDATE ON leases_1 BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    await exec(stub, "CREATE TRIGGER fuller BEFORE INSERT ON leases_1 BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    for (let times = 0; times < 10; times++) {
      await runDurableObjectAlarm(stub);
      expect(await pendingAlarm(stub)).not.toBeNull();
    }
    await exec(stub, "DROP TRIGGER full");
    await exec(stub, "DROP TRIGGER fuller");
    await runDurableObjectAlarm(stub);
    await eventually(async () => (await listed(rpc))[0]?.attempts.length === 2);
  });

  it("that throws because of a lease that has expired is set again each time, ten times, and ends it when it can", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, failing(3600));
    await log.append(appendOf({}));
    await eventually(async () => (await listed(rpc))[0]?.state === "retrying");
    // As a crash leaves it behind that came before the report.
    await exec(
      stub,
      `UPDATE leases_1 SET open = 1, oldest_open = id,
         body = json_set(body, '$.entries[0].out', json('null'), '$.entries[0].r', json('null'), '$.entries[0].l', 1)`,
    );
    await exec(stub, "CREATE TRIGGER full BEFORE UPDATE ON leases_1 BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    await evictDurableObject(stub);
    for (let times = 0; times < 10; times++) {
      await runDurableObjectAlarm(stub);
      expect(await pendingAlarm(stub)).not.toBeNull();
    }
    await exec(stub, "DROP TRIGGER full");
    await runDurableObjectAlarm(stub);
    const [delivery] = await listed(subscription(env, tenant, config.id));
    expect(delivery?.attempts[0]).toMatchObject({ number: 1, outcome: "interrupted" });
  });

  it("of a log is set again each time, ten times, and does it when it can", async () => {
    const { tenant, log, stub } = await newTopic();
    const { rpc, stub: subscriber } = await newSubscription(tenant);
    await exec(subscriber, "CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    expect(await log.destroy(true)).toMatchObject({ ok: true });
    const failingAlarms = async () => {
      for (let times = 0; times < 10; times++) {
        await runDurableObjectAlarm(stub);
        expect(await pendingAlarm(stub)).not.toBeNull();
      }
      expect(await rpc.view()).toMatchObject({ ok: true });
    };
    await failingAlarms();
    await exec(subscriber, "DROP TRIGGER full");
    // Now it is its own storage that fails.
    await exec(stub, "ALTER TABLE subscribers RENAME TO out_of_reach");
    await failingAlarms();
    await exec(stub, "ALTER TABLE out_of_reach RENAME TO subscribers");
    await runDurableObjectAlarm(stub);
    expect(await rpc.view()).toMatchObject({ ok: false, error: { code: "not-found" } });
  });
});

describe("O06 the one alarm of a subscription", () => {
  it("is that of the earliest of its timers: outbox, lease, retry", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant, failing(7200, 3600));
    await log.append(appendOf({ key: "a" }, { key: "b" }));
    await eventually(async () => (await listed(rpc)).every(({ state }) => state === "retrying"));
    const due = (await listed(rpc)).map(({ nextAttemptAt }) => nextAttemptAt ?? Number.POSITIVE_INFINITY);
    // What came first goes first, and sets the next: in the end the earliest of what is left.
    await eventually(async () => {
      await runDurableObjectAlarm(stub);
      return Math.abs(((await pendingAlarm(stub)) ?? 0) - Math.min(...due)) < 5000;
    });
  });
});

describe("O07 an alarm, a wake, a retry message and a person at the same moment", () => {
  it("make one attempt of each event", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, failing(3600, 3600));
    await rpc.pause();
    const appended = await log.append(appendOf({}, {}, {}));
    const head = appended.ok ? (appended.value.at(-1)?.offset ?? 0) : 0;
    await rpc.resume();
    const wake = { scannedFrom: null, scannedTo: head, filterVersion: 1, events: null, at: 0 };
    const again = () => subscription(env, tenant, config.id);
    await Promise.all([
      ...[again().wake(wake), again().retryDue(), again().wake(wake), again().retryDue(), again().resume()],
      runDurableObjectAlarm(stub),
    ]);
    await eventually(async () => (await listed(rpc)).every(({ state }) => state === "retrying"));
    await Promise.all([again().retryDue(), again().wake(wake), runDurableObjectAlarm(stub)]);
    expect((await listed(rpc)).map(({ attempts }) => attempts.map(({ number }) => number))).toEqual([[1], [1], [1]]);
  });
});

describe("O10 an object with a great many rows", () => {
  const ROWS = 200_000;
  /** A table filled without a row crossing into this code. */
  const many = (table: string, columns: string, values: string) =>
    `INSERT INTO ${table} (${columns})
     WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS + 1000}) SELECT ${values} FROM n`;

  it("wakes as a subscription without reading its delivery log or its dead letters", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant);
    await log.append(appendOf({}));
    await eventually(async () => (await listed(rpc))[0]?.state === "delivered");
    await evictDurableObject(stub);
    await subscription(env, tenant, config.id).retryDue();
    const small = await rowsRead(stub);
    const columns = "id, open, lo, hi, cursor, last_matched, oldest_open, table_bytes, body";
    const values = `i, 0, 1, 1, 1, 1, ${ROWS + 1001}, 1000, (SELECT body FROM leases_1 WHERE id = 1)`;
    await exec(stub, many("leases_1", columns, values));
    await exec(stub, many("dead_letters", "event_offset, body", "i, '{}'"));
    await evictDurableObject(stub);
    await subscription(env, tenant, config.id).retryDue();
    expect((await rowsRead(stub)) - small).toBeLessThan(10);
    // Nor does what comes next: a delivery.
    await log.append(appendOf({}));
    await eventually(() =>
      runInDurableObject(
        stub,
        (_, state) => state.storage.sql.exec("SELECT max(cursor) AS c FROM leases_1").one().c === 2,
      ),
    );
    expect((await rowsRead(stub)) - small).toBeLessThan(ROWS);
  });

  it("wakes as a log without reading its events", async () => {
    const { tenant, log, stub } = await newTopic();
    // It holds its place: otherwise it would be sent all of them.
    const { rpc } = await newSubscription(tenant);
    await rpc.pause();
    await log.append(appendOf({}));
    await evictDurableObject(stub);
    await topicLog(env, tenant, "orders").describe();
    const small = await rowsRead(stub);
    const columns = "first_offset, last_offset, received_at, bytes_total, body";
    await exec(stub, many("segment_1", columns, `i, i, ${Date.now()}, i, x'00'`));
    await evictDurableObject(stub);
    const described = await topicLog(env, tenant, "orders").describe();
    expect(described).toMatchObject({ ok: true, value: { nextOffset: ROWS + 1001 } });
    expect((await rowsRead(stub)) - small).toBeLessThan(10);
    expect(await topicLog(env, tenant, "orders").append(appendOf({}))).toMatchObject({ ok: true });
    expect((await rowsRead(stub)) - small).toBeLessThan(20);
  });
});
