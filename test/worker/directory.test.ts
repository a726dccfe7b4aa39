import { createExecutionContext, createMessageBatch, getQueueResult, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { SUBSCRIPTIONS_PER_TOPIC_MAX, TOPICS_MAX } from "../../src/core/limits.ts";
import { ok } from "../../src/core/result.ts";
import { consumeDeadLetters } from "../../src/dead-letters/consumer.ts";
import { directory, topicLog } from "../../src/rpc/objects.ts";
import { deadLetter } from "../support/dead-letter.ts";

const SETTINGS = { description: "", retentionDays: 30, retentionBytes: null, types: {} };
const EVERYTHING = { topic: null, subscription: null, reason: null, since: null, until: null, cursor: null, limit: 50 };

let tenants = 0;
/** A tenant of its own for each test. */
const newTenant = () => {
  const tenant = `directory-${++tenants}`;
  return { tenant, names: directory(env, tenant) };
};

/** Fills a table of the object's storage with rows, quicker than by calls. */
const fill = (tenant: string, insert: string, count: number) =>
  runInDurableObject(env.DIRECTORY.getByName(tenant), (_, state) => {
    const numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)";
    state.storage.sql.exec(`${numbers} ${insert} FROM numbers`, count);
  });

describe("topics", () => {
  it("are created once, with their log", async () => {
    const { tenant, names } = newTenant();
    expect(await names.hasTopic("orders")).toBe(false);
    expect(await names.ensureTopic("orders", SETTINGS)).toEqual(ok({ created: true }));
    expect(await names.ensureTopic("orders", SETTINGS)).toEqual(ok({ created: false }));
    expect(await names.hasTopic("orders")).toBe(true);
    expect(await topicLog(env, tenant, "orders").describe()).toMatchObject({ ok: true });
  });

  it("are created once by many at the same time", async () => {
    const { names } = newTenant();
    const results = await Promise.all(Array.from({ length: 8 }, () => names.ensureTopic("orders", SETTINGS)));
    expect(results.filter((result) => result.ok && result.value.created)).toHaveLength(1);
    expect(results.every((result) => result.ok)).toBe(true);
  });

  it("heal when only the name or only the log is there", async () => {
    const { tenant, names } = newTenant();
    await names.ensureTopic("orders", SETTINGS);
    await topicLog(env, tenant, "orders").destroy(true);
    expect(await names.ensureTopic("orders", SETTINGS)).toEqual(ok({ created: true }));
    await names.removeTopic("orders");
    expect(await names.ensureTopic("orders", SETTINGS)).toEqual(ok({ created: false }));
    expect(await names.hasTopic("orders")).toBe(true);
  });

  it("have their name again when they were removed while their log was being made", async () => {
    const { names } = newTenant();
    const made = names.ensureTopic("orders", SETTINGS);
    const removed = names.removeTopic("orders");
    expect(await made).toEqual(ok({ created: true }));
    await removed;
    expect(await names.hasTopic("orders")).toBe(true);
  });

  it("are listed in order, page by page, without end markers too many", async () => {
    const { names } = newTenant();
    for (const topic of ["c", "a", "b", "d"]) await names.ensureTopic(topic, SETTINGS);
    expect(await names.topics(null, 2)).toEqual({ topics: ["a", "b"], next: "b" });
    expect(await names.topics("b", 2)).toEqual({ topics: ["c", "d"], next: null });
    await names.removeTopic("c");
    expect(await names.topics("b", 2)).toEqual({ topics: ["d"], next: null });
  });

  it("end at their limit, and go on after one is deleted", async () => {
    const { tenant, names } = newTenant();
    await fill(tenant, "INSERT INTO topics SELECT 't' || n", TOPICS_MAX);
    expect(await names.ensureTopic("one-more", SETTINGS)).toMatchObject({ error: { code: "limit-reached" } });
    expect(await names.hasTopic("one-more")).toBe(false);
    expect(await topicLog(env, tenant, "one-more").describe()).toMatchObject({ error: { code: "not-found" } });
    await names.removeTopic("t1");
    expect(await names.ensureTopic("one-more", SETTINGS)).toEqual(ok({ created: true }));
  });
});

describe("subscriptions", () => {
  const entry = { id: "sub_1", name: "billing", topic: "orders" };

  it("are found by id and by name, until they are removed", async () => {
    const { names } = newTenant();
    expect(await names.putSubscription(entry)).toEqual(ok(null));
    expect(await names.subscription("sub_1")).toEqual(entry);
    expect(await names.subscription("billing")).toEqual(entry);
    expect(await names.subscription("Billing")).toBeNull();
    await names.removeSubscription("sub_1");
    expect(await names.subscription("billing")).toBeNull();
    expect(await names.subscription("sub_1")).toBeNull();
  });

  it("keep their name to themselves, but may be put again", async () => {
    const { names } = newTenant();
    await names.putSubscription(entry);
    expect(await names.putSubscription(entry)).toEqual(ok(null));
    const other = await names.putSubscription({ ...entry, id: "sub_2" });
    expect(other).toMatchObject({ error: { code: "name-taken" } });
    await names.removeSubscription("sub_1");
    expect(await names.putSubscription({ ...entry, id: "sub_2" })).toEqual(ok(null));
  });

  it("are invisible to another tenant", async () => {
    const { names } = newTenant();
    await names.putSubscription(entry);
    expect(await newTenant().names.subscription("billing")).toBeNull();
  });

  it("are listed page by page, of one topic or of all", async () => {
    const { names } = newTenant();
    for (let n = 1; n <= 5; n++)
      await names.putSubscription({ id: `sub_${n}`, name: `name-${n}`, topic: n % 2 ? "odd" : "even" });
    const ids = async (topic: string | null, after: string | null, limit: number) => {
      const { subscriptions, next } = await names.subscriptions(topic, after, limit);
      return [subscriptions.map(({ id }) => id).join(" "), next];
    };
    expect(await ids(null, null, 3)).toEqual(["sub_1 sub_2 sub_3", "sub_3"]);
    expect(await ids(null, "sub_3", 3)).toEqual(["sub_4 sub_5", null]);
    expect(await ids("odd", null, 2)).toEqual(["sub_1 sub_3", "sub_3"]);
    expect(await ids("odd", "sub_3", 2)).toEqual(["sub_5", null]);
    expect(await ids("none", null, 2)).toEqual(["", null]);
  });

  it("end at the limit of their topic, others go on", async () => {
    const { tenant, names } = newTenant();
    await fill(
      tenant,
      "INSERT INTO subscriptions SELECT 'sub_' || n, 'name-' || n, 'orders'",
      SUBSCRIPTIONS_PER_TOPIC_MAX,
    );
    const more = { id: "sub_more", name: "more", topic: "orders" };
    expect(await names.putSubscription(more)).toMatchObject({ error: { code: "limit-reached" } });
    expect(await names.putSubscription({ ...more, topic: "bills" })).toEqual(ok(null));
  });
});

describe("the encryption key", () => {
  it("is the first one seen, until a rotation names it as the previous one", async () => {
    const { names } = newTenant();
    expect(await names.checkEncryptionKey("k1", null)).toBe("match");
    expect(await names.checkEncryptionKey("k1", null)).toBe("match");
    expect(await names.checkEncryptionKey("k2", null)).toBe("mismatch");
    expect(await names.checkEncryptionKey("k2", "k0")).toBe("mismatch");
    expect(await names.checkEncryptionKey("k2", "k1")).toBe("match");
    expect(await names.checkEncryptionKey("k2", null)).toBe("match");
    expect(await names.checkEncryptionKey("k1", null)).toBe("mismatch");
  });

  it("is not adopted by a check that fails", async () => {
    const { names } = newTenant();
    await names.checkEncryptionKey("k1", null);
    await names.checkEncryptionKey("k2", null);
    expect(await names.checkEncryptionKey("k1", null)).toBe("match");
  });
});

describe("single facts", () => {
  it("probes storage by writing", async () => {
    const { tenant, names } = newTenant();
    const before = Date.now();
    expect(await names.probeWrite()).toBe(true);
    await runInDurableObject(env.DIRECTORY.getByName(tenant), (_, state) => {
      const [row] = [...state.storage.sql.exec("SELECT value FROM meta WHERE name = 'probe'")];
      expect(Number(row?.value)).toBeGreaterThanOrEqual(before);
    });
  });

  it("says when storage does not take the probe", async () => {
    const { tenant, names } = newTenant();
    await names.hasTopic("wake");
    await runInDurableObject(env.DIRECTORY.getByName(tenant), (_, state) => {
      state.storage.sql.exec("DROP TABLE meta");
    });
    expect(await names.probeWrite()).toBe(false);
  });

  it("remembers how the demo's receivers answer", async () => {
    const { names } = newTenant();
    expect(await names.demoMode("demo-flaky")).toBe("default");
    await names.setDemoMode("demo-flaky", "slow");
    await names.setDemoMode("demo-flaky", "gone");
    expect(await names.demoMode("demo-flaky")).toBe("gone");
    expect(await names.demoMode("demo-broken")).toBe("default");
  });
});

describe("the dead-letter queue", () => {
  it("fills the index, once a letter however often its message comes (Q12)", async () => {
    const { tenant, names } = newTenant();
    await names.putSubscription({ id: "sub_a", name: "a", topic: "orders" });
    const body = { version: 1, tenant, subscription: "sub_a", outbox: 1, action: "add", letter: deadLetter() };
    const message = (id: string, content: unknown) => ({ id, timestamp: new Date(), attempts: 1, body: content });
    const batch = createMessageBatch("sluice-dead-letters", [
      message("first", body),
      message("again", body),
      message("poison", { version: 99 }),
      message("hint", { version: 1, subscription: `${tenant}/sub_a` }),
    ]);
    const ctx = createExecutionContext();
    await consumeDeadLetters(batch, env);
    const { explicitAcks, retryMessages } = await getQueueResult(batch, ctx);
    expect(explicitAcks.sort()).toEqual(["again", "first", "hint", "poison"]);
    expect(retryMessages).toEqual([]);
    expect(await names.deadLetters(EVERYTHING)).toEqual({ letters: [deadLetter()], next: null });
  });

  it("shows no tenant the letters of another", async () => {
    const { names } = newTenant();
    expect(await names.deadLetters(EVERYTHING)).toEqual({ letters: [], next: null });
  });
});
