import { expect, test, vi } from "vitest";
import { FILTER_PATTERNS_MAX } from "../../src/core/limits.ts";
import { ok } from "../../src/core/result.ts";
import type { FilterTestQuery } from "../../src/topic-log/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";
import { sendOf } from "../support/send.ts";

function gatewayWith(next: number | null = null) {
  const { event } = sendOf({});
  const testFilter = vi.fn(async (_query: FilterTestQuery) => ok({ events: [event], scanned: 7, next }));
  const gateway = fakeGateway({ directory: { hasTopic: async () => true }, topicLog: { testFilter } });
  const post = async (json: unknown, query = "", topic = "filtered") => {
    const answer = await gateway.send("POST", `/v1/topics/${topic}/filter-test${query}`, { json });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { post, testFilter };
}

const FILTER = { types: ["order.*"], match: { data: { amount: { $gte: 100 } } } };

test("a test asks the log, and shows events as the log shows them", async () => {
  const { post, testFilter } = gatewayWith();
  const { status, body } = await post({ filter: FILTER, since: "2026-01-31T10:00:00+01:00", limit: 7 });
  expect([status, body.scanned, body.next]).toEqual([200, 7, null]);
  expect(body.data).toEqual([
    expect.objectContaining({ topic: "filtered", offset: expect.any(Number), data: expect.anything() }),
  ]);
  const since = Date.UTC(2026, 0, 31, 9);
  expect(testFilter).toHaveBeenCalledWith({ filter: FILTER, after: null, since, limit: 7 });
});

test("null is the filter that matches everything", async () => {
  const { post, testFilter } = gatewayWith();
  expect((await post({ filter: null })).status).toBe(200);
  expect(testFilter).toHaveBeenCalledWith({ filter: { types: [], match: {} }, after: null, since: null, limit: 50 });
});

test("the next page is asked for in the body or in the query, and belongs to its filter", async () => {
  const { post, testFilter } = gatewayWith(5000);
  const { next } = (await post({ filter: FILTER })).body;
  expect((await post({ filter: FILTER, cursor: next, limit: 3 })).status).toBe(200);
  expect((await post({ filter: FILTER }, `?cursor=${next}`)).status).toBe(200);
  expect(testFilter.mock.calls.map(([query]) => query.after)).toEqual([null, 5000, 5000]);
  expect((await post({ filter: FILTER, cursor: next }, `?cursor=${next}`)).status).toBe(422);
  expect((await post({ filter: null, cursor: next })).body).toMatchObject({ errors: [{ pointer: "#/cursor" }] });
  expect((await post({ filter: FILTER, since: "2026-01-31T09:00:00Z" }, `?cursor=${next}`)).status).toBe(422);
  expect((await post({ filter: FILTER, cursor: next }, "", "other")).status).toBe(422);
});

test.each<[why: string, document: unknown, pointer: string]>([
  ["no filter", {}, "#/filter"],
  ["a filter that is none", { filter: "order.*" }, "#/filter"],
  ["an unknown operator", { filter: { match: { data: { $regex: "x" } } } }, "#/filter/match/data/$regex"],
  ["a bad type pattern", { filter: { types: ["a*"] } }, "#/filter/types/0"],
  [
    "too many patterns",
    { filter: { match: { $or: Array(FILTER_PATTERNS_MAX).fill({ key: "a" }) } } },
    "#/filter/match",
  ],
  ["a bad time", { filter: {}, since: "yesterday" }, "#/since"],
  ["a bad limit", { filter: {}, limit: 201 }, "#/limit"],
  ["a bad cursor", { filter: {}, cursor: "AAAA" }, "#/cursor"],
  ["another member", { filter: {}, until: "2026-01-31T09:00:00Z" }, "#/until"],
])("%s is refused", async (_, document, pointer) => {
  const { post, testFilter } = gatewayWith();
  const { status, body } = await post(document);
  expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer })]]);
  expect(testFilter).not.toHaveBeenCalled();
});

test("an unknown topic is 404, and not made", async () => {
  const gateway = fakeGateway({ directory: { hasTopic: async () => false } });
  expect((await gateway.send("POST", "/v1/topics/nowhere/filter-test", { json: { filter: {} } })).status).toBe(404);
  expect(gateway.calls.filter((call) => !call.includes("checkEncryptionKey"))).toEqual(["Directory default hasTopic"]);
});
