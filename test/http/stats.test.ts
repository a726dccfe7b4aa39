import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Problem, problem } from "../../src/core/errors.ts";
import { STATS_CALLS_MAX } from "../../src/core/limits.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { StatsAnswer, StatsQuery } from "../../src/subscription/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";
import { example } from "../support/protocol-doc.ts";

const NOW = Date.parse("2026-11-23T09:41:30.000Z");
const HOUR_MS = 3_600_000;
const at = (time: string): number => Date.parse(`2026-11-23T${time}Z`);

interface Bucket {
  readonly start: string;
  readonly events: number;
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  readonly latencyMilliseconds: { readonly p50: number; readonly p95: number } | null;
}

interface Stats {
  readonly resolution: string;
  readonly since: string;
  readonly until: string;
  readonly data: readonly Bucket[];
  readonly complete: boolean;
}

const entryOf = (id: string, topic = "orders") => ({ id, name: `name-of-${id}`, topic });
const NOTHING: StatsAnswer = { buckets: [], next: null };

/** A tenant with these topics and subscriptions; `stats` is asked of each of the latter. */
function gatewayOf(
  topics: readonly string[],
  subscriptions: readonly ReturnType<typeof entryOf>[],
  stats: (query: StatsQuery) => Promise<Result<StatsAnswer, Problem>>,
) {
  const eventCounts = vi.fn(async () => ok([{ start: at("09:00:00"), events: 2 }]));
  const gateway = fakeGateway({
    directory: {
      hasTopic: async (topic) => topics.includes(topic),
      topics: async (_after, limit) => ({ topics: topics.slice(0, limit), next: topics[limit] ?? null }),
      subscription: async (idOrName) =>
        subscriptions.find(({ id, name }) => id === idOrName || name === idOrName) ?? null,
      subscriptions: async (topic, _after, limit) => {
        const all = subscriptions.filter((one) => topic === null || one.topic === topic);
        return { subscriptions: all.slice(0, limit), next: all[limit]?.id ?? null };
      },
    },
    topicLog: { eventCounts },
    subscription: { stats },
  });
  const get = async (query = "") => {
    const answer = await gateway.send("GET", `/v1/stats${query}`);
    return { status: answer.status, body: (await answer.json()) as Stats & { detail: string } };
  };
  return { get, eventCounts, asked: () => gateway.calls.filter((call) => call.endsWith(" stats")) };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("statistics (API clause 7.8)", () => {
  it("have every bucket in order, by the hour of the last day unless something else is asked", async () => {
    const { get, eventCounts } = gatewayOf(["hours"], [], async () => ok(NOTHING));
    const hours = (await get("?topic=hours")).body;
    expect(hours).toMatchObject({ resolution: "hour", since: "2026-11-22T09:00:00.000Z", complete: true });
    expect(hours.until).toBe("2026-11-23T10:00:00.000Z");
    expect(hours.data.map(({ start }) => Date.parse(start))).toEqual(
      Array.from({ length: 25 }, (_, index) => at("09:00:00") - (24 - index) * HOUR_MS),
    );
    expect(hours.data.map(({ events }) => events)).toEqual([...Array(24).fill(0), 2]);
    expect(hours.data[0]).toEqual({
      ...{ start: "2026-11-22T09:00:00.000Z", events: 0, attempts: 0, successes: 0, failures: 0 },
      latencyMilliseconds: null,
    });
    expect(eventCounts.mock.calls).toEqual([[at("09:00:00") - 24 * HOUR_MS, at("10:00:00"), HOUR_MS]]);

    expect((await get("?topic=hours&resolution=minute")).body.since).toBe("2026-11-23T08:41:00.000Z");
    expect((await get("?topic=hours&resolution=day")).body.since).toBe("2026-10-24T00:00:00.000Z");
    const since = (await get("?topic=hours&since=2026-11-23T07:59:59%2B00:00")).body;
    expect(since.data.map(({ start }) => start.slice(11, 13))).toEqual(["07", "08", "09"]);
  });

  it("add up over subscriptions, and over the calls that one of them needs", async () => {
    const pages: Record<string, StatsAnswer> = {
      first: {
        buckets: [
          { start: at("08:00:00"), attempts: 4, successes: 1, failures: 2, latency: [{ bin: 3, count: 3 }] },
          { start: at("07:00:00"), attempts: 9, successes: 9, failures: 0, latency: [] },
        ],
        next: 7,
      },
      second: {
        buckets: [{ start: at("08:00:00"), attempts: 1, successes: 1, failures: 0, latency: [{ bin: 30, count: 1 }] }],
        next: null,
      },
    };
    const { get, asked } = gatewayOf(["sums"], [entryOf("sub_a", "sums"), entryOf("sub_b", "sums")], async (query) =>
      ok(pages[query.before === null ? "first" : "second"] ?? NOTHING),
    );
    const { body } = await get("?topic=sums&since=2026-11-23T08:00:00Z");
    expect(body.complete).toBe(true);
    expect(body.data[0]).toEqual({
      ...{ start: "2026-11-23T08:00:00.000Z", events: 0, attempts: 10, successes: 4, failures: 4 },
      latencyMilliseconds: { p50: 3, p95: 30 },
    });
    expect(asked()).toEqual(["a", "b", "a", "b"].map((one) => `Subscription default/sub_${one} stats`));
    const documented = JSON.parse(example("7.8"));
    expect(Object.keys(body)).toEqual(Object.keys(documented));
    expect(Object.keys(body.data[0] ?? {})).toEqual(Object.keys(documented.data[0]));
  });

  it("of a subscription are its own, with the events of its topic", async () => {
    const all = [entryOf("sub_one"), entryOf("sub_two")];
    const { get, asked, eventCounts } = gatewayOf(["orders"], all, async () => ok(NOTHING));
    expect((await get("?subscription=name-of-sub_one&topic=orders")).status).toBe(200);
    expect(asked()).toEqual(["Subscription default/sub_one stats"]);
    expect(eventCounts).toHaveBeenCalledOnce();
  });

  it("of all topics leave out what was deleted meanwhile", async () => {
    const gone = err(problem("not-found", "gone"));
    const { get } = gatewayOf(["orders", "other"], [entryOf("sub_gone")], async () => gone);
    const { status, body } = await get();
    expect([status, body.complete, body.data.at(-1)?.events]).toEqual([200, true, 4]);
  });

  it("say when there was too much to look at", async () => {
    const endless = gatewayOf(["endless"], [entryOf("sub_x", "endless")], async ({ before }) =>
      ok({ ...NOTHING, next: before ?? 1 }),
    );
    expect((await endless.get("?topic=endless")).body.complete).toBe(false);
    expect(endless.asked()).toHaveLength(STATS_CALLS_MAX);

    const many = Array.from({ length: STATS_CALLS_MAX + 1 }, (_, index) => entryOf(`sub_${index}`, "many"));
    const crowded = gatewayOf(["many"], many, async () => ok(NOTHING));
    expect((await crowded.get("?topic=many")).body.complete).toBe(false);
    const topics = Array.from({ length: STATS_CALLS_MAX + 1 }, (_, index) => `topic-${index}`);
    expect((await gatewayOf(topics, [], async () => ok(NOTHING)).get()).body.complete).toBe(false);
  });

  it("refuse what is malformed, unknown, in the future, or has too many buckets", async () => {
    const { get, asked } = gatewayOf(["there"], [entryOf("sub_there", "there")], async () => ok(NOTHING));
    const refused = async (query: string) => {
      const { status, body } = await get(query);
      return [status, body.detail];
    };
    expect(await refused("?since=yesterday")).toEqual([422, expect.stringContaining("since must be an RFC 3339 time")]);
    expect(await refused("?resolution=week")).toEqual([422, expect.stringContaining("minute, hour, day")]);
    expect(await refused("?topic=UPPER")).toEqual([422, expect.stringContaining("topic")]);
    expect(await refused("?until=2026-11-23T00:00:00Z")).toEqual([422, expect.stringContaining("until")]);
    expect(await refused("?since=2026-11-23T10:00:00Z")).toEqual([422, expect.stringContaining("future")]);
    const tooMany = [422, expect.stringContaining("Choose a later since, or a coarser resolution.")];
    expect(await refused("?resolution=minute&since=2026-11-22T08:41:59Z")).toEqual(tooMany);
    expect(await refused("?since=0000-01-01T00:00:00Z&resolution=day")).toEqual(tooMany);
    expect((await refused("?resolution=minute&since=2026-11-22T08:42:00Z"))[0]).toBe(200);
    expect((await refused("?topic=not-there"))[0]).toBe(404);
    expect((await refused("?subscription=not-there"))[0]).toBe(404);
    expect((await refused("?subscription="))[0]).toBe(404);
    expect((await refused("?subscription=sub_there&topic=elsewhere"))[0]).toBe(404);
    // Only the one that was answered.
    expect(asked()).toHaveLength(1);
  });

  it("of a subscription that has just been deleted are 404, and of one that does not answer 503", async () => {
    const gone = gatewayOf(["orders"], [entryOf("sub_gone")], async () => err(problem("not-found", "gone")));
    expect((await gone.get("?subscription=sub_gone")).status).toBe(404);
    const dead = gatewayOf(["orders"], [entryOf("sub_dead")], async () => {
      throw new Error("reset");
    });
    expect((await dead.get()).status).toBe(503);
  });
});
