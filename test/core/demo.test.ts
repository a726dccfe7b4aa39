import { beforeEach, describe, expect, it, vi } from "vitest";
import { DEMO_MODES, DEMO_RECEIVERS, DEMO_RETRY_SCHEDULE_SECONDS, demoAnswer } from "../../src/core/demo.ts";
import { problem } from "../../src/core/errors.ts";
import type { AppendRequest } from "../../src/core/event.ts";
import { err, ok } from "../../src/core/result.ts";
import { demoReceive, setDemoReceiver } from "../../src/demo/receivers.ts";
import { seedDemo } from "../../src/demo/seed.ts";
import type { SubscriptionEntry } from "../../src/directory/rpc.ts";
import type { SubscriptionConfig, SubscriptionPatch } from "../../src/subscription/rpc.ts";

const KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/** One gateway's objects, as much of them as the demo calls, in memory. */
function world(more: Partial<Record<keyof Env, string>> = {}) {
  const state = {
    topics: new Set<string>(),
    entries: [] as SubscriptionEntry[],
    configs: new Map<string, SubscriptionConfig>(),
    appended: [] as { topic: string; request: AppendRequest }[],
    modes: new Map<string, string>(),
    failAppend: false,
  };
  const directoryOf = (tenant: string) => ({
    ensureTopic: async (topic: string) => {
      const created = !state.topics.has(`${tenant}/${topic}`);
      state.topics.add(`${tenant}/${topic}`);
      return ok({ created });
    },
    subscription: async (name: string) => {
      const entry = state.entries.find((one) => one.name === name && state.configs.has(`${tenant}/${one.id}`));
      return entry ?? null;
    },
    demoMode: async (receiver: string) => state.modes.get(`${tenant}/${receiver}`) ?? "default",
    setDemoMode: async (receiver: string, mode: string) => void state.modes.set(`${tenant}/${receiver}`, mode),
  });
  const subscriptionOf = (name: string) => ({
    create: async (config: SubscriptionConfig) => {
      const [tenant] = name.split("/");
      if (state.entries.some((one) => one.name === config.name && state.configs.has(`${tenant}/${one.id}`)))
        return err(problem("name-taken", "taken"));
      state.configs.set(name, config);
      state.entries.push({ id: config.id, name: config.name, topic: config.topic });
      return ok(null);
    },
    view: async () => ok({ config: state.configs.get(name) }),
    patch: async (patch: SubscriptionPatch) => {
      const config = state.configs.get(name);
      if (config !== undefined) state.configs.set(name, { ...config, ...patch });
      return ok(null);
    },
  });
  const logOf = (name: string) => ({
    describe: async () =>
      ok({ firstOffset: 1, nextOffset: state.appended.filter((one) => one.topic === name).length + 1 }),
    append: async (request: AppendRequest) => {
      if (state.failAppend) return err(problem("overloaded", "later"));
      state.appended.push({ topic: name, request });
      return ok([]);
    },
  });
  const env = {
    ALLOW_PRIVATE_TARGETS: "true",
    SLUICE_ENCRYPTION_KEY: KEY,
    DIRECTORY: { getByName: directoryOf },
    SUBSCRIPTION: { getByName: subscriptionOf },
    TOPIC_LOG: { getByName: logOf },
    ...more,
  } as unknown as Env;
  return { env, state };
}

describe("demoAnswer", () => {
  it("lets demo-flaky fail within its schedule and then succeed, demo-broken fail always", () => {
    const statuses = (receiver: "demo-flaky" | "demo-broken") =>
      [1, 2, 3, 4].map((attempt) => demoAnswer(receiver, null, attempt).status);
    expect(statuses("demo-flaky")).toEqual([503, 503, 200, 200]);
    expect(statuses("demo-broken")).toEqual([500, 500, 500, 500]);
    expect(DEMO_RETRY_SCHEDULE_SECONDS).toEqual([1, 2]);
  });

  it("does what a mode says at every receiver and attempt", () => {
    for (const receiver of DEMO_RECEIVERS)
      for (const attempt of [1, 3]) {
        const statuses = DEMO_MODES.map((mode) => demoAnswer(receiver, mode, attempt).status);
        expect(statuses).toEqual([200, 500, 200, 410]);
        expect(demoAnswer(receiver, "slow", attempt).delayMilliseconds).toBeGreaterThan(1000);
      }
  });
});

describe("seedDemo", () => {
  it("makes the topic, both subscriptions from the earliest event, and a first event", async () => {
    const { env, state } = world();
    const seeded = await seedDemo(env, "default", "http://localhost:8787");
    expect(seeded).toEqual(ok({ topic: "orders", subscriptions: ["demo-flaky", "demo-broken"] }));
    const configs = [...state.configs.values()];
    expect(configs.map(({ name, url }) => `${name} ${url}`)).toEqual([
      "demo-flaky http://localhost:8787/demo/receivers/demo-flaky",
      "demo-broken http://localhost:8787/demo/receivers/demo-broken",
    ]);
    for (const config of configs) {
      expect(config).toMatchObject({
        topic: "orders",
        tenant: "default",
        start: "earliest",
        disableAfterSeconds: null,
      });
      expect(config.retry).toMatchObject({ scheduleSeconds: [1, 2], jitter: 0, holdAfterFailures: null });
      expect(config.secrets[0]?.ciphertext).toMatch(/^v1\./);
    }
    expect(state.appended.map((one) => one.topic)).toEqual(["default/orders/0"]);
  });

  it("changes nothing the second time", async () => {
    const { env, state } = world();
    await seedDemo(env, "default", "http://localhost:8787");
    const before = structuredClone([...state.configs]);
    expect((await seedDemo(env, "default", "http://localhost:8787")).ok).toBe(true);
    expect([...state.configs]).toEqual(before);
    expect(state.appended).toHaveLength(1);
  });

  it("finishes a seed that was cut off", async () => {
    const { env, state } = world();
    state.failAppend = true;
    expect((await seedDemo(env, "default", "http://localhost:8787")).ok).toBe(false);
    state.failAppend = false;
    expect((await seedDemo(env, "default", "http://localhost:8787")).ok).toBe(true);
    expect(state.configs.size).toBe(2);
    expect(state.appended).toHaveLength(1);
  });

  it("takes its receivers along to another port, but not one that was pointed elsewhere", async () => {
    const { env, state } = world();
    await seedDemo(env, "default", "http://localhost:8787");
    const [broken] = [...state.configs].filter(([, config]) => config.name === "demo-broken");
    if (broken !== undefined) state.configs.set(broken[0], { ...broken[1], url: "https://example.com/mine" });
    await seedDemo(env, "default", "http://localhost:8788");
    expect([...state.configs.values()].map((config) => config.url)).toEqual([
      "http://localhost:8788/demo/receivers/demo-flaky",
      "https://example.com/mine",
    ]);
  });

  it("is a 404 where private targets are not allowed, and makes nothing", async () => {
    for (const off of ["false", "", "TRUE", "1"]) {
      const { env, state } = world({ ALLOW_PRIVATE_TARGETS: off });
      expect(await seedDemo(env, "default", "http://localhost:8787")).toMatchObject({ error: { code: "not-found" } });
      expect(await setDemoReceiver(env, "default", "demo-flaky", "ok")).toMatchObject({ error: { code: "not-found" } });
      expect((await demoReceive(delivery("demo-flaky"), env, "demo-flaky")).status).toBe(404);
      expect(state.topics.size + state.configs.size + state.appended.length + state.modes.size).toBe(0);
    }
  });
});

const delivery = (name: string, attempt?: string, query = "") =>
  new Request(`http://localhost:8787/demo/receivers/${name}${query}`, {
    method: "POST",
    body: "{}",
    headers: attempt === undefined ? {} : { "sluice-attempt": attempt },
  });

describe("the demo's receivers", () => {
  beforeEach(() => {
    vi.stubGlobal("scheduler", { wait: vi.fn(async () => {}) });
    return () => vi.unstubAllGlobals();
  });

  it("answer by the attempt the gateway names", async () => {
    const { env } = world();
    const status = async (attempt?: string) =>
      (await demoReceive(delivery("demo-flaky", attempt), env, "demo-flaky")).status;
    expect([await status("1"), await status("2"), await status("3")]).toEqual([503, 503, 200]);
    expect([await status(), await status("-3"), await status("NaN")]).toEqual([503, 503, 503]);
  });

  it("do as they are told, in the tenant that told them", async () => {
    const { env } = world();
    expect(await setDemoReceiver(env, "acme", "demo-broken", "ok")).toEqual(ok(null));
    const status = async (query: string) =>
      (await demoReceive(delivery("demo-broken", "1", query), env, "demo-broken")).status;
    expect(await status("?tenant=acme")).toBe(200);
    expect(await status("")).toBe(500);
    expect(await status("?tenant=*")).toBe(404);
  });

  it("answer slowly when told to be slow", async () => {
    const { env } = world();
    await setDemoReceiver(env, "default", "demo-flaky", "slow");
    expect((await demoReceive(delivery("demo-flaky", "1"), env, "demo-flaky")).status).toBe(200);
    expect(scheduler.wait).toHaveBeenCalledWith(5000);
  });

  it("refuse modes and names that do not exist", async () => {
    const { env, state } = world();
    expect(await setDemoReceiver(env, "default", "demo-flaky", "default")).toMatchObject({
      error: { code: "invalid", errors: [{ pointer: "#/mode" }] },
    });
    expect(await setDemoReceiver(env, "default", "toString", "ok")).toMatchObject({ error: { code: "not-found" } });
    expect((await demoReceive(delivery("constructor"), env, "constructor")).status).toBe(404);
    expect(state.modes.size).toBe(0);
  });
});
