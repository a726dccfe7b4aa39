import { describe, expect, test } from "vitest";
import { subscriptionView } from "../../src/http/subscription-view.ts";
import { gatewayWithMemory } from "../support/subscription-gateway.ts";
import { viewOf } from "../support/subscription-view.ts";

const DOCUMENT = { name: "billing", topic: "orders", url: "https://example.com/hook" };

describe("rate limit and batches of a subscription (5.1)", () => {
  test.each([
    [{ perSecond: 1 }, {}, { maxEvents: 100, maxWaitMilliseconds: 1000 }],
    [{ perSecond: 10_000 }, { maxEvents: 1000, maxWaitMilliseconds: 0 }, { maxEvents: 1000, maxWaitMilliseconds: 0 }],
    [null, { maxEvents: 1, maxWaitMilliseconds: 60_000 }, { maxEvents: 1, maxWaitMilliseconds: 60_000 }],
    [null, null, null],
  ])("%j and %j are taken, and shown", async (rateLimit, batch, shown) => {
    const { send, created } = gatewayWithMemory();
    const { status, body } = await send("POST", "/v1/subscriptions", { ...DOCUMENT, rateLimit, batch });
    expect([status, body.rateLimit, body.batch]).toEqual([201, rateLimit, shown]);
    expect(created[0]?.config).toMatchObject({ rateLimit, batch: shown });
  });

  test.each([
    ["a rate of nothing", { rateLimit: { perSecond: 0 } }, "#/rateLimit/perSecond"],
    ["a rate of half a request", { rateLimit: { perSecond: 0.5 } }, "#/rateLimit/perSecond"],
    ["a rate beyond 10,000", { rateLimit: { perSecond: 10_001 } }, "#/rateLimit/perSecond"],
    ["a rate without its number", { rateLimit: {} }, "#/rateLimit/perSecond"],
    ["a rate that is a number", { rateLimit: 50 }, "#/rateLimit"],
    ["a rate per minute", { rateLimit: { perSecond: 1, perMinute: 60 } }, "#/rateLimit/perMinute"],
    ["batches of none", { batch: { maxEvents: 0 } }, "#/batch/maxEvents"],
    ["batches of 1,001", { batch: { maxEvents: 1001 } }, "#/batch/maxEvents"],
    ["batches that wait for ever", { batch: { maxWaitMilliseconds: 60_001 } }, "#/batch/maxWaitMilliseconds"],
    ["batches of bytes", { batch: { maxBytes: 1 } }, "#/batch/maxBytes"],
    ["batches without saying how", { batch: true }, "#/batch"],
    ["batches of raw bodies", { format: "raw", batch: {} }, "#/batch"],
  ])("%s are refused at creation and by a change", async (_name, members, pointer) => {
    const { send, created, patches } = gatewayWithMemory();
    const fault = [422, [expect.objectContaining({ pointer })]];
    const refused = await send("POST", "/v1/subscriptions", { ...DOCUMENT, ...members });
    expect([refused.status, refused.body.errors, created]).toEqual([...fault, []]);
    await send("POST", "/v1/subscriptions", DOCUMENT);
    const changed = await send("PATCH", "/v1/subscriptions/billing", members);
    expect([changed.status, changed.body.errors, patches]).toEqual([...fault, []]);
  });

  async function patched(patch: object, before: object) {
    const { send, patches } = gatewayWithMemory();
    await send("POST", "/v1/subscriptions", { ...DOCUMENT, ...before });
    return { ...(await send("PATCH", "/v1/subscriptions/billing", patch)), patches };
  }

  test("are replaced whole by a change, turned off by null, and else left alone", async () => {
    const before = { rateLimit: { perSecond: 5 }, batch: { maxEvents: 7, maxWaitMilliseconds: 9 } };
    const changed = await patched({ batch: { maxWaitMilliseconds: 0 }, rateLimit: { perSecond: 6 } }, before);
    const whole = { batch: { maxEvents: 100, maxWaitMilliseconds: 0 }, rateLimit: { perSecond: 6 } };
    expect([changed.patches, changed.body]).toEqual([[whole], expect.objectContaining(whole)]);
    const off = { batch: null, rateLimit: null };
    expect((await patched(off, before)).patches).toEqual([off]);
    expect(await patched({ description: "new" }, before)).toMatchObject({
      ...{ patches: [{ description: "new" }], body: before },
    });
  });

  test("are off after a PUT that leaves them out", async () => {
    const { send } = gatewayWithMemory();
    await send("PUT", "/v1/subscriptions/billing", { ...DOCUMENT, rateLimit: { perSecond: 5 }, batch: {} });
    const { body } = await send("PUT", "/v1/subscriptions/billing", DOCUMENT);
    expect([body.rateLimit, body.batch]).toEqual([null, null]);
  });

  test.each([
    [{ batch: {} }, { format: "raw" }, 422, "#/batch"],
    [{ format: "raw" }, { batch: {} }, 422, "#/format"],
    [{ format: "raw", batch: {} }, {}, 422, "#/batch"],
    [{ format: null, batch: {} }, { format: "raw" }, 200, ""],
    [{ format: "raw", batch: null }, { batch: {} }, 200, ""],
    [{ description: "new" }, { format: "raw" }, 200, ""],
  ])("are judged with the format that is there: %j of %j is %i", async (patch, before, status, pointer) => {
    const changed = await patched(patch, before);
    expect(changed.status).toBe(status);
    if (status === 422) expect(changed.body.errors).toEqual([expect.objectContaining({ pointer })]);
    expect(changed.patches).toHaveLength(status === 422 ? 0 : 1);
  });
});

test("a subscription shows how far its redrive is (7.6)", async () => {
  const { send, created } = gatewayWithMemory();
  await send("POST", "/v1/subscriptions", DOCUMENT);
  const redrive = { total: 5, done: 3, failed: 1 };
  const [shown] = created.map(({ config }) => subscriptionView({ ...viewOf(config), redrive }));
  expect(shown?.redrive).toEqual(redrive);
});
