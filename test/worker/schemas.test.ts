import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { AppendRequest } from "../../src/core/event.ts";
import type { EventType, EventTypes } from "../../src/core/event-types.ts";
import { topicLog } from "../../src/rpc/objects.ts";
import type { TopicLog } from "../../src/topic-log/object.ts";
import { appendOf, newTopic, SETTINGS } from "../support/objects.ts";

const schema = { type: "object", required: ["amount"], properties: { amount: { type: "number", minimum: 0 } } };
const ENFORCE: EventType = { schema, mode: "enforce" };
const WARN: EventType = { schema, mode: "warn" };
const encoder = new TextEncoder();
const json = (value: unknown) => ({ data: encoder.encode(JSON.stringify(value)) });
const GOOD = json({ amount: 1 });
const BAD = json({ amount: -1 });

async function topicWith(types: EventTypes) {
  const topic = await newTopic();
  expect(await topic.log.configure({ types })).toMatchObject({ ok: true });
  const append = (request: AppendRequest) => topic.log.append(request);
  const nextOffset = async () => {
    const described = await topic.log.describe();
    return described.ok ? described.value.nextOffset : null;
  };
  return { ...topic, append, nextOffset };
}

const refusedAt = (...pointers: string[]) => ({
  ok: false,
  error: { code: "invalid", errors: pointers.map((pointer) => expect.objectContaining({ pointer })) },
});

describe("a schema that is enforced", () => {
  it("refuses what breaks it, naming place and rule", async () => {
    const { append, nextOffset } = await topicWith({ "order.paid": ENFORCE });
    expect(await append({ ...appendOf(BAD), dataPointer: "#/data" })).toEqual({
      ok: false,
      error: {
        code: "invalid",
        detail: "#/data/amount breaks the rule `minimum` at #/properties/amount/minimum of the schema of order.paid.",
        errors: [
          {
            pointer: "#/data/amount",
            detail: "breaks the rule `minimum` at #/properties/amount/minimum of the schema of order.paid",
          },
        ],
      },
    });
    expect(await nextOffset()).toBe(1);
    expect(await append(appendOf(GOOD))).toMatchObject({ ok: true });
  });

  it("refuses a batch whole, and leaves the neighbours in its commit alone", async () => {
    const { append, nextOffset } = await topicWith({ "order.paid": ENFORCE });
    const [refused, accepted] = await Promise.all([
      append(appendOf(GOOD, BAD, { ...BAD, type: "other" }, json({}))),
      append(appendOf(GOOD)),
    ]);
    expect(refused).toMatchObject(refusedAt("#/1/data/amount", "#/3/data"));
    expect(accepted).toMatchObject({ ok: true, value: [{ offset: 1 }] });
    expect(await nextOffset()).toBe(2);
  });

  it("is in force with the answer, and no longer with the answer of the next", async () => {
    const { log, append } = await topicWith({});
    for (const types of [{ "order.paid": ENFORCE }, {}, { "order.paid": ENFORCE }, { other: ENFORCE }]) {
      await log.configure({ types });
      expect((await append(appendOf(BAD))).ok, JSON.stringify(types)).toBe(!("order.paid" in types));
    }
    // Settings that say nothing of types leave them.
    await log.configure({ types: { "order.paid": ENFORCE } });
    await log.configure({ description: "other" });
    expect(await append(appendOf(BAD))).toMatchObject(refusedAt("#/0/data/amount"));
  });

  it("is of one type exactly, and of data that is JSON", async () => {
    const { append } = await topicWith({ "order.paid": ENFORCE });
    for (const type of ["order", "order.paid.late", "Order.paid"]) {
      expect(await append(appendOf({ ...BAD, type }))).toMatchObject({ ok: true });
    }
    const text = (contentType: string, body: string) => appendOf({ contentType, data: encoder.encode(body) });
    expect(await append(text("text/plain", '{"amount":1}'))).toMatchObject(refusedAt("#/0/data"));
    expect(await append(text("application/json", ""))).toMatchObject(refusedAt("#/0/data"));
    expect(await append(text("application/vnd.order+json; charset=utf-8", '{"amount":1}'))).toMatchObject({ ok: true });
    expect(await append(text("application/vnd.order+json", '{"amount":-1}'))).toMatchObject(
      refusedAt("#/0/data/amount"),
    );
  });

  it("does not judge the repeat of an accepted event, by the request's key or by its own", async () => {
    const { log, append } = await topicWith({});
    const claim = { key: "k", fingerprint: "same" };
    const whole = { ...appendOf(BAD), idempotency: claim };
    const single = appendOf({ ...BAD, idempotency: { key: "e", fingerprint: "same" } });
    for (const request of [whole, single]) await append(request);
    await log.configure({ types: { "order.paid": ENFORCE } });
    for (const request of [whole, single]) {
      expect(await append(request)).toMatchObject({ ok: true, value: [{ duplicate: true }] });
    }
    const refused = { ...appendOf(BAD), idempotency: { key: "refused", fingerprint: "same" } };
    expect(await append(refused)).toMatchObject({ ok: false });
    await log.configure({ types: {} });
    expect(await append(refused)).toMatchObject({ ok: true, value: [{ duplicate: false }] });
  });

  it("comes before the expected offset, and ends with its topic", async () => {
    const { log, append } = await topicWith({ "order.paid": ENFORCE });
    expect(await append({ ...appendOf(BAD), expectedOffset: 7 })).toMatchObject(refusedAt("#/0/data/amount"));
    await log.destroy(false);
    await log.create(SETTINGS);
    expect(await log.types()).toEqual({ ok: true, value: { types: {}, warnings: {} } });
    expect(await append(appendOf(BAD))).toMatchObject({ ok: true });
  });

  it("holds for an object that woke anew", async () => {
    const { tenant, stub } = await topicWith({ "order.paid": ENFORCE });
    await runInDurableObject(stub, (_object: TopicLog, state) => state.abort("as an eviction")).catch(() => {});
    const again = topicLog(env, tenant, "orders");
    const answers = await Promise.all([again.append(appendOf(BAD)), again.append(appendOf(GOOD))]);
    expect(answers).toMatchObject([refusedAt("#/0/data/amount"), { ok: true }]);
  });
});

describe("a schema that warns", () => {
  it("passes, and counts: what was appended, no repeat, no refusal", async () => {
    const { log, append } = await topicWith({ "order.paid": WARN, strict: ENFORCE });
    const lines = vi.spyOn(console, "log").mockImplementation(() => {});
    expect(await append(appendOf(BAD, GOOD, BAD))).toMatchObject({ ok: true });
    const line = lines.mock.calls.map(String).find((text) => text.includes('"commit"'));
    expect(line).toContain('"schemaWarnings":2');
    expect(line).not.toContain("amount");
    lines.mockRestore();

    const keyed = { ...appendOf(BAD), idempotency: { key: "k", fingerprint: "same" } };
    for (const request of [
      keyed,
      keyed,
      { ...appendOf(BAD), expectedOffset: 1 },
      appendOf(BAD, { ...BAD, type: "strict" }),
    ])
      await append(request);
    expect(await log.types()).toMatchObject({ value: { warnings: { "order.paid": 3 } } });
  });

  it("begins to count anew with another schema or mode, not with other settings", async () => {
    const { log, append } = await topicWith({ "order.paid": WARN });
    const warnings = async () => {
      const described = await log.types();
      return described.ok ? described.value.warnings : null;
    };
    await append(appendOf(BAD));
    await log.configure({ types: { "order.paid": WARN, other: ENFORCE }, description: "d" });
    expect(await warnings()).toEqual({ "order.paid": 1 });
    await log.configure({ types: { "order.paid": { ...WARN, schema: { type: "object" } } } });
    expect(await warnings()).toEqual({});
    await log.configure({ types: { "order.paid": WARN } });
    await append(appendOf(BAD));
    await log.destroy(false);
    await log.create({ ...SETTINGS, types: { "order.paid": WARN } });
    expect(await warnings()).toEqual({});
  });
});

describe("rows written", () => {
  const rowsOf = async (stub: DurableObjectStub<TopicLog>, act: () => Promise<unknown>) => {
    const rows = () => runInDurableObject(stub, (object: TopicLog) => object.meter.rowsWritten);
    const before = await rows();
    await act();
    return (await rows()) - before;
  };

  it("are those of an append without schemas, and one a type and commit that was warned of", async () => {
    const { stub, append } = await topicWith({ "order.paid": WARN, strict: ENFORCE });
    await append(appendOf(GOOD));
    expect(await rowsOf(stub, () => append(appendOf(GOOD, { ...GOOD, type: "strict" })))).toBe(1);
    expect(await rowsOf(stub, () => append(appendOf({ ...BAD, type: "strict" })))).toBe(0);
    expect(await rowsOf(stub, () => append(appendOf(BAD, BAD)))).toBe(2);
  });
});
