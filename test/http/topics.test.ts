import { describe, expect, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import { err, ok } from "../../src/core/result.ts";
import type { PartitionDescription, TopicSettings, TypesDescription } from "../../src/topic-log/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";

const NOT_FOUND = err(problem("not-found", "gone"));

const described = (settings: Partial<Omit<TopicSettings, "types">> = {}): PartitionDescription => ({
  description: "",
  retentionDays: 30,
  retentionBytes: null,
  ...settings,
  partition: 0,
  firstOffset: 1,
  nextOffset: 8,
  bytes: 700,
  createdAt: 1_800_000_000_000,
  subscriptions: 2,
});

const untyped = async () => ok<TypesDescription>({ types: {}, warnings: {} });

const LISTED = {
  name: "orders",
  description: "",
  retentionDays: 30,
  retentionBytes: null,
  partitions: 1,
  createdAt: "2027-01-15T08:00:00.000Z",
  log: [{ partition: 0, firstOffset: 1, nextOffset: 8, bytes: 700 }],
  subscriptions: 2,
};

const SHOWN = { ...LISTED, types: {}, warnings: {} };

describe("PUT of a topic", () => {
  function putting(created: boolean) {
    const configure = vi.fn(async ({ types: _types, ...settings }: Partial<TopicSettings>) => ok(described(settings)));
    const ensureTopic = vi.fn(async (_topic: string, _settings: TopicSettings) => ok({ created }));
    const gateway = fakeGateway({
      directory: { ensureTopic, hasTopic: async () => !created },
      topicLog: { configure, describe: async () => ok(described()), types: untyped },
    });
    const put = async (json?: unknown, path = "/v1/topics/orders") => {
      const answer = await gateway.send("PUT", path, json === undefined ? {} : { json });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    return { put, configure, ensureTopic };
  }

  test("creates it: 201", async () => {
    const { put, configure, ensureTopic } = putting(true);
    expect(await put()).toEqual({ status: 201, body: SHOWN });
    const defaults = { description: "", retentionDays: 30, retentionBytes: null, types: {} };
    expect(ensureTopic).toHaveBeenCalledWith("orders", defaults);
    expect(configure).not.toHaveBeenCalled();
  });

  test("changes it: 200, with defaults for what is left out", async () => {
    const { put, configure } = putting(false);
    expect(await put({ description: "d", partitions: 1 })).toEqual({
      status: 200,
      body: { ...SHOWN, description: "d" },
    });
    const wanted = { description: "d", retentionDays: 30, retentionBytes: null, types: {} };
    expect(configure).toHaveBeenCalledWith(wanted);
  });

  test.each([
    ["retentionDays", 0],
    ["retentionDays", 366],
    ["retentionDays", 1.5],
    ["retentionDays", null],
    ["retentionBytes", 1024 * 1024 - 1],
    ["retentionBytes", "1 GB"],
    ["partitions", 2],
    ["partitions", 65],
    ["partitions", "1"],
    ["types", []],
    ["description", 5],
    ["name", "orders"],
  ])("refuses %s: %j", async (member, value) => {
    const { put, ensureTopic } = putting(true);
    const { status, body } = await put({ [member]: value });
    expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer: `#/${member}` })]]);
    expect(ensureTopic).not.toHaveBeenCalled();
  });

  test("refuses to change the partitions of a topic that exists: 409", async () => {
    const { put, configure } = putting(false);
    expect((await put({ partitions: 2 })).status).toBe(409);
    expect(configure).not.toHaveBeenCalled();
  });

  test("accepts the smallest and the largest of each", async () => {
    const { put } = putting(false);
    for (const [retentionDays, retentionBytes] of [
      [1, 1024 * 1024],
      [365, Number.MAX_SAFE_INTEGER],
    ]) {
      expect((await put({ retentionDays, retentionBytes, description: "d".repeat(1024) })).status).toBe(200);
    }
  });

  test("refuses the names of the gateway and malformed ones", async () => {
    const { put, ensureTopic } = putting(true);
    for (const name of ["sluice.events", "sluice.x", "a..b", "A", "-a", "a.", "a".repeat(129)]) {
      expect([name, (await put({}, `/v1/topics/${name}`)).body.code]).toEqual([name, "invalid-topic"]);
    }
    expect(ensureTopic).not.toHaveBeenCalled();
  });
});

test("topics are listed page by page, without those deleted meanwhile", async () => {
  const names = ["a", "b", "c"];
  const topics = vi.fn(async (after: string | null, limit: number) => {
    const rest = names.filter((name) => after === null || name > after);
    return { topics: rest.slice(0, limit), next: rest.length > limit ? (rest[limit - 1] ?? null) : null };
  });
  const answers = [ok(described()), NOT_FOUND, ok(described())];
  const gateway = fakeGateway({
    directory: { topics },
    topicLog: { describe: async () => answers.shift() ?? NOT_FOUND },
  });
  const list = async (query: string) => {
    const answer = await gateway.send("GET", `/v1/topics${query}`);
    return { status: answer.status, body: (await answer.json()) as { data: { name: string }[]; next: string | null } };
  };
  const first = await list("?limit=2");
  expect(first.body.data.map((topic) => topic.name)).toEqual(["a"]);
  const second = await list(`?limit=50&cursor=${first.body.next}`);
  expect([second.body.data.map((topic) => topic.name), second.body.next]).toEqual([["c"], null]);
  expect((await list("?cursor=AAAA")).status).toBe(422);
});

describe("DELETE of a topic", () => {
  function deleting(destroy: () => Promise<unknown>, there = true) {
    const removeTopic = vi.fn(async () => {});
    const gateway = fakeGateway({
      directory: { hasTopic: async () => there, removeTopic },
      topicLog: { destroy: destroy as never },
      subscription: { remove: async () => ok(null) },
    });
    const remove = async (query = "") => (await gateway.send("DELETE", `/v1/topics/t${query}`)).status;
    return { remove, removeTopic, gateway };
  }

  test("ends its subscriptions with it when forced", async () => {
    const destroy = vi.fn(async (_force: boolean) => ok({ subscriptions: ["sub_1", "sub_2"] }));
    const { remove, removeTopic, gateway } = deleting(destroy as never);
    expect(await remove("?force=true")).toBe(204);
    expect(destroy).toHaveBeenCalledWith(true);
    expect(gateway.calls.filter((call) => call.endsWith("remove"))).toEqual([
      "Subscription default/sub_1 remove",
      "Subscription default/sub_2 remove",
    ]);
    expect(removeTopic).toHaveBeenCalledWith("t");
  });

  test("is refused while it has some", async () => {
    const destroy = vi.fn(async (_force: boolean) => err(problem("topic-has-subscriptions", "two")));
    const { remove, removeTopic } = deleting(destroy as never);
    expect(await remove()).toBe(409);
    expect(await remove("?force=false")).toBe(409);
    expect(destroy).not.toHaveBeenCalledWith(true);
    expect(removeTopic).not.toHaveBeenCalled();
  });

  test("completes one that was cut off half-way", async () => {
    const { remove, removeTopic } = deleting(async () => NOT_FOUND);
    expect(await remove()).toBe(404);
    expect(removeTopic).toHaveBeenCalledTimes(1);
  });

  test("of one that never was calls no log into being", async () => {
    const { remove, gateway } = deleting(async () => NOT_FOUND, false);
    expect(await remove()).toBe(404);
    expect(gateway.calls.filter((call) => call.startsWith("TopicLog"))).toEqual([]);
  });

  test.each(["?force=1", "?force=TRUE", "?force", "?force=true&force=true", "?forced=true"])(
    "refuses %s",
    async (query) => {
      const { remove, gateway } = deleting(async () => ok({ subscriptions: [] }));
      expect(await remove(query)).toBe(422);
      expect(gateway.calls.filter((call) => !call.endsWith("checkEncryptionKey"))).toEqual([]);
    },
  );
});
