import { describe, expect, test, vi } from "vitest";
import { ok } from "../../src/core/result.ts";
import type { SubscriptionConfig } from "../../src/subscription/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";
import { viewOf } from "../support/subscription-view.ts";

const config: SubscriptionConfig = {
  ...{ id: "sub_a", tenant: "default", name: "a", topic: "orders", url: "https://example.com/", description: "" },
  ...{ filter: { types: [], match: {} }, ordering: "key", format: "standard", headers: {}, timeoutSeconds: 15 },
  ...{
    concurrency: 32,
    rateLimit: null,
    batch: null,
    disableAfterSeconds: null,
    secrets: [],
    createdAt: 0,
    updatedAt: 0,
  },
  retry: { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null },
};

describe("the list of subscriptions", () => {
  test("is filtered by state and health, page by page", async () => {
    const ids = ["sub_a", "sub_b", "sub_c"];
    const subscriptions = vi.fn(async (_topic: string | null, after: string | null, limit: number) => {
      const page = ids.filter((id) => after === null || id > after).slice(0, limit);
      return {
        subscriptions: page.map((id) => ({ id, name: id, topic: "orders" })),
        next: page.at(-1) === "sub_c" ? null : (page.at(-1) ?? null),
      };
    });
    const views = ids.map(
      (id) => ({ ...viewOf({ ...config, id }), state: id === "sub_b" ? "paused" : "active" }) as const,
    );
    const gateway = fakeGateway({
      directory: { subscriptions },
      subscription: { view: async () => ok(views.shift() ?? viewOf(config)) },
    });
    const get = async (query: string) => {
      const answer = await gateway.send("GET", `/v1/subscriptions${query}`);
      return { status: answer.status, body: (await answer.json()) as { data: { id: string }[]; next: string | null } };
    };
    const first = await get("?limit=2&state=active&topic=orders");
    expect(first.body.data.map((one) => one.id)).toEqual(["sub_a"]);
    const second = await get(`?limit=2&state=active&topic=orders&cursor=${first.body.next}`);
    expect([second.body.data.map((one) => one.id), second.body.next]).toEqual([["sub_c"], null]);
    expect(subscriptions.mock.calls).toEqual([
      ["orders", null, 2],
      ["orders", "sub_b", 2],
    ]);
    expect((await get(`?cursor=${first.body.next}`)).status).toBe(422);
    expect((await get("?state=gone")).status).toBe(422);
    expect((await get("?health=ill")).status).toBe(422);
    expect((await get("?topic=UPPER")).status).toBe(422);
  });
});
