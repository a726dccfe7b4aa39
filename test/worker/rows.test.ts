import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Subscription } from "../../src/subscription/object.ts";
import type { SubscriptionRpc } from "../../src/subscription/rpc.ts";
import type { TopicLog } from "../../src/topic-log/object.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

/** Rows written are the bill (docs/ARCHITECTURE.md, "Rows"): these numbers are the budget. */

const rowsOf = (stub: DurableObjectStub<TopicLog> | DurableObjectStub<Subscription>): Promise<number> =>
  runInDurableObject(stub, (object: TopicLog | Subscription) => object.meter.rowsWritten);

const TRIES_MAX = 10;

const settled = (rpc: SubscriptionRpc, lag = 0) =>
  eventually(async () => {
    const view = await rpc.view();
    return view.ok && view.value.lag === lag ? view.value : null;
  });

describe("rows of an append", () => {
  it("alone: one block, and one alarm while somebody has to hear of it", async () => {
    const { tenant, log, stub } = await newTopic();
    await log.append(appendOf({}));
    let before = await rowsOf(stub);
    await log.append(appendOf({}));
    expect((await rowsOf(stub)) - before).toBe(1);

    const { rpc } = await newSubscription(tenant);
    await settled(rpc);
    before = await rowsOf(stub);
    await log.append(appendOf({}));
    await settled(rpc);
    expect((await rowsOf(stub)) - before).toBeLessThanOrEqual(2);
  });

  it("with an idempotency key: one more, and none for a duplicate", async () => {
    const { log, stub } = await newTopic();
    const keyed = (key: string) => appendOf({ idempotency: { key, fingerprint: "same" } });
    await log.append(keyed("first"));
    const before = await rowsOf(stub);
    await log.append(keyed("second"));
    expect((await rowsOf(stub)) - before).toBe(2);
    await log.append(keyed("second"));
    expect((await rowsOf(stub)) - before).toBe(2);
  });

  it("under load: a tenth of a row an event, or less", async () => {
    const { log, stub } = await newTopic();
    await log.append(appendOf({}));
    const before = await rowsOf(stub);
    await Promise.all(Array.from({ length: 200 }, () => log.append(appendOf({}))));
    expect(((await rowsOf(stub)) - before) / 200).toBeLessThanOrEqual(0.1);
  });
});

describe("rows of a delivery", () => {
  it("alone: a lease, its result, and an alarm", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant);
    await log.append(appendOf({ key: "a" }));
    await settled(rpc);
    const before = await rowsOf(stub);
    await log.append(appendOf({ key: "a" }));
    await settled(rpc);
    expect((await rowsOf(stub)) - before).toBeLessThanOrEqual(3);
  });

  it("under load: a quarter of a row, or less", async () => {
    // How many are reported together depends on how soon they are answered, so on what else the machine is at: one try
    // in which it is free is enough. Code that writes more does so in each.
    const tries: number[] = [];
    while (tries.length < TRIES_MAX && tries.every((rows) => rows > 0.25)) tries.push(await rowsOfADrain());
    expect(Math.min(...tries)).toBeLessThanOrEqual(0.25);
  }, 60_000);

  /** Rows a delivery, of a backlog of 300. */
  async function rowsOfADrain(): Promise<number> {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant);
    await log.append(appendOf({ key: "warm" }));
    await settled(rpc);
    await rpc.pause();
    const events = Array.from({ length: 300 }, (_, index) => ({ key: `key-${index}` }));
    await log.append(appendOf(...events));
    const before = await rowsOf(stub);
    await rpc.resume();
    await settled(rpc);
    return ((await rowsOf(stub)) - before) / events.length;
  }

  it("in topic order under load: two rows, or less", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant, { ordering: "topic" });
    await rpc.pause();
    await log.append(appendOf(...Array.from({ length: 60 }, () => ({}))));
    const before = await rowsOf(stub);
    await rpc.resume();
    await settled(rpc);
    expect(((await rowsOf(stub)) - before) / 60).toBeLessThanOrEqual(2);
  });
});
