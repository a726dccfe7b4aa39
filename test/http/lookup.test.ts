import { beforeEach, describe, expect, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import { DIRECTORY_CACHE_MS } from "../../src/core/limits.ts";
import { err, ok } from "../../src/core/result.ts";
import type { SubscriptionEntry } from "../../src/directory/rpc.ts";
import { ExpiringMap } from "../../src/http/expiring-map.ts";
import { routes } from "../../src/http/routes.ts";
import { fakeGateway, type SendInit } from "../support/http-env.ts";

const NOT_FOUND = problem("not-found", "gone");

/** Names are remembered by the module, so each test has a tenant of its own. */
let tenant = "";
let tests = 0;
beforeEach(() => {
  tests += 1;
  tenant = `tenant-${tests}`;
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
});

const entry = (id: string): SubscriptionEntry => ({ id, name: "billing", topic: "t" });
const read = async () => ok({ events: [], next: null, firstOffset: 1, nextOffset: 1 });

test("a topic that was found is not asked for again for 30 s", async () => {
  const hasTopic = vi.fn(async () => true);
  const gateway = fakeGateway({ directory: { hasTopic }, topicLog: { read } });
  const get = async () =>
    (await gateway.send("GET", "/v1/topics/t/events", { headers: { "sluice-tenant": tenant } })).status;
  expect([await get(), await get()]).toEqual([200, 200]);
  expect(hasTopic).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + DIRECTORY_CACHE_MS - 1);
  await get();
  expect(hasTopic).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + 1);
  await get();
  expect(hasTopic).toHaveBeenCalledTimes(2);
});

test("a topic that was not found is asked for every time, and never its log", async () => {
  const hasTopic = vi.fn(async () => false);
  const gateway = fakeGateway({ directory: { hasTopic }, topicLog: { read } });
  const get = async () =>
    (await gateway.send("GET", "/v1/topics/t/events", { headers: { "sluice-tenant": tenant } })).status;
  expect([await get(), await get()]).toEqual([404, 404]);
  expect(hasTopic).toHaveBeenCalledTimes(2);
  expect(gateway.calls.filter((call) => call.startsWith("TopicLog"))).toEqual([]);
});

test("what one tenant has, another has not", async () => {
  const gateway = fakeGateway({ directory: { hasTopic: async () => true }, topicLog: { read } });
  await gateway.send("GET", "/v1/topics/t/events", { headers: { "sluice-tenant": tenant } });
  await gateway.send("GET", "/v1/topics/t/events", { headers: { "sluice-tenant": `${tenant}-b` } });
  expect(gateway.calls.filter((call) => call.endsWith("hasTopic"))).toEqual([
    `Directory ${tenant} hasTopic`,
    `Directory ${tenant}-b hasTopic`,
  ]);
  expect(gateway.calls).toContain(`TopicLog ${tenant}-b/t/0 read`);
});

test("a topic deleted meanwhile is created again by a publish, once more asked, and no more than once", async () => {
  const ensureTopic = vi.fn(async () => ok({ created: true }));
  const appended = [{ id: "evt_1", partition: 0, offset: 1, type: "x", time: "t", duplicate: false }];
  const append = vi.fn(async () => ok(appended));
  const gateway = fakeGateway({ directory: { ensureTopic }, topicLog: { append } });
  const publish = async () => {
    const init = { json: { type: "x", data: 1 }, headers: { "sluice-tenant": tenant } };
    return (await gateway.send("POST", "/v1/topics/t/events", init)).status;
  };
  expect(await publish()).toBe(202);
  expect([ensureTopic.mock.calls.length, append.mock.calls.length]).toEqual([1, 1]);
  append.mockResolvedValueOnce(err(NOT_FOUND) as never);
  expect(await publish()).toBe(202);
  expect([ensureTopic.mock.calls.length, append.mock.calls.length]).toEqual([2, 3]);
  append.mockResolvedValue(err(NOT_FOUND) as never);
  expect(await publish()).toBe(404);
  expect([ensureTopic.mock.calls.length, append.mock.calls.length]).toEqual([3, 5]);
});

test("a name given to another subscription is found under the new one", async () => {
  const subscription = vi.fn(async () => entry("sub_old"));
  const remove = vi.fn(async () => ok(null));
  const gateway = fakeGateway({ directory: { subscription }, subscription: { remove } });
  const pause = async () => {
    return (await gateway.send("DELETE", "/v1/subscriptions/billing", { headers: { "sluice-tenant": tenant } })).status;
  };
  remove.mockResolvedValueOnce(err(problem("unavailable", "later")) as never);
  expect(await pause()).toBe(503);
  subscription.mockResolvedValue(entry("sub_new"));
  // Remembered as the old one, which says that it is gone.
  remove.mockResolvedValueOnce(err(NOT_FOUND) as never);
  expect(await pause()).toBe(204);
  expect(gateway.calls.filter((call) => call.endsWith("remove"))).toEqual([
    `Subscription ${tenant}/sub_old remove`,
    `Subscription ${tenant}/sub_old remove`,
    `Subscription ${tenant}/sub_new remove`,
  ]);
});

test("O03 an object that throws is 503, with Retry-After when it is overloaded", async () => {
  const hasTopic = vi.fn(async (): Promise<boolean> => {
    throw Object.assign(new Error("internal: too many requests queued"), { overloaded: true });
  });
  const gateway = fakeGateway({ directory: { hasTopic } });
  const answer = await gateway.send("GET", "/v1/topics/t/events", { headers: { "sluice-tenant": tenant } });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  const text = await answer.text();
  expect(JSON.parse(text)).toMatchObject({ code: "overloaded" });
  expect(text).not.toContain("queued");
});

describe("a body that is refused", () => {
  const changes = routes.filter(({ method, path }) => /:subscription/.test(path) && ["POST", "PATCH"].includes(method));
  const answers = async (found: SubscriptionEntry | null, init: SendInit) => {
    const gateway = fakeGateway({ directory: { subscription: async () => found }, subscription: {} });
    const headers = { "sluice-tenant": tenant, ...init.headers };
    const statuses = new Set<number>();
    for (const { method, path } of changes) {
      const there = path.replace(":subscription", "billing").replace(":event", "evt_01m83vpkqefqqxvrgp0000000000002");
      statuses.add((await gateway.send(method, there, { ...init, headers })).status);
    }
    return [...statuses];
  };

  test.each<[string, SendInit, number]>([
    ["with a member nobody knows", { json: { nonsense: 1 } }, 422],
    ["that is not JSON", { json: "{" }, 400],
    ["of another type", { body: "a=b", headers: { "content-type": "text/csv" } }, 415],
  ])("%s is, but for a subscription that is not there the answer is 404", async (_name, init, status) => {
    expect(changes.length).toBeGreaterThan(8);
    expect(await answers(entry("sub_1"), init)).toEqual([status]);
    tenant += "-other";
    expect(await answers(null, init)).toEqual([404]);
  });
});

test("an expiring map forgets what is old, and the oldest when it is full", () => {
  const map = new ExpiringMap<number>(10, 2);
  map.set("a", 1, 0);
  map.set("b", 2, 5);
  expect([map.get("a", 9), map.get("a", 10), map.get("b", 14)]).toEqual([1, null, 2]);
  map.set("c", 3, 6);
  map.set("b", 4, 7);
  map.set("d", 5, 8);
  expect(["b", "c", "d"].map((key) => map.get(key, 9))).toEqual([4, null, 5]);
  map.delete("d");
  expect(map.get("d", 9)).toBeNull();
});
