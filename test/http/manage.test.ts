import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import { decodeEventId } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { openVault, VAULT_NONCE_BYTES } from "../../src/core/vault.ts";
import type { SubscriptionConfig, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import type { AttemptAnswer } from "../support/client.ts";
import { ENCRYPTION_KEY, fakeGateway } from "../support/http-env.ts";
import { partOf } from "../support/send.ts";
import { viewOf } from "../support/subscription-view.ts";

const EVENT = "evt_01m83vpkqefqqxvrgp0000000000002";
const OTHER = "evt_01m83vpkqefqqxvrgp0000000000003";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** A subscription `hook` that has nothing but these methods. */
function subscriptionWith(subscription: Partial<SubscriptionRpc>) {
  const entry = { id: "sub_01m83vpnqvg022qhata2c7yva0", name: "hook", topic: "orders" };
  const gateway = fakeGateway({ directory: { subscription: async () => entry }, subscription });
  const send = async <T = unknown>(method: string, path: string, json?: unknown) => {
    const init = json === undefined ? {} : { json };
    const answer = await gateway.send(method, `/v1/subscriptions/hook/${path}`, init);
    return { status: answer.status, body: (await answer.json()) as T };
  };
  return { send, lines: gateway.lines };
}

const faultAt = (pointer: string) => ({ errors: [expect.objectContaining({ pointer })] });

describe("seek (5.4)", () => {
  const seekable = () => {
    const seek = vi.fn<SubscriptionRpc["seek"]>(async () => ok({ from: 8, to: 3, events: 5, cancelled: 0 }));
    return { seek, ...subscriptionWith({ seek }) };
  };

  test("answers from where to where, in offsets of partition 0", async () => {
    const { send } = seekable();
    expect(await send("POST", "seek", { to: "earliest" })).toEqual({
      status: 200,
      body: { from: [{ partition: 0, offset: 8 }], to: [{ partition: 0, offset: 3 }], events: 5, cancelled: 0 },
    });
  });

  test.each([
    [{ to: "latest" }, "latest", false],
    [{ to: "earliest", dryRun: true }, "earliest", true],
    [{ to: { offset: 3 }, dryRun: false }, { offset: 3 }, false],
    [{ to: { offsets: { "0": 3 } } }, { offset: 3 }, false],
    [{ to: { time: "2026-01-31T09:30:00+01:00" } }, { time: Date.UTC(2026, 0, 31, 8, 30) }, false],
  ])("takes %j", async (document, to, dryRun) => {
    const { send, seek } = seekable();
    expect((await send("POST", "seek", document)).status).toBe(200);
    expect(seek.mock.calls).toEqual([[to, dryRun]]);
  });

  test.each([
    [{}, "#/to"],
    [{ to: null }, "#/to"],
    [{ to: "newest" }, "#/to"],
    [{ to: 3 }, "#/to"],
    [{ to: { offset: 0 } }, "#/to"],
    [{ to: { offset: 1.5 } }, "#/to"],
    [{ to: { offset: 1, time: "2026-01-31T09:30:00Z" } }, "#/to"],
    [{ to: { offsets: { "1": 1 } } }, "#/to"],
    [{ to: { time: "yesterday" } }, "#/to"],
    [{ to: "latest", dryRun: "yes" }, "#/dryRun"],
    [{ to: "latest", dryRun: null }, "#/dryRun"],
    [{ to: "latest", force: true }, "#/force"],
    [[], "#"],
  ])("refuses %j", async (document, pointer) => {
    const { send, seek } = seekable();
    expect(await send("POST", "seek", document)).toMatchObject({ status: 422, body: faultAt(pointer) });
    expect(seek).not.toHaveBeenCalled();
  });

  test("needs a document", async () => {
    expect((await seekable().send("POST", "seek")).status).toBe(400);
  });

  test("points to the place that the log refuses, and passes on the first offset", async () => {
    const beyond = subscriptionWith({ seek: async () => err(problem("invalid", "The log ends at offset 7.")) });
    const refused = await beyond.send("POST", "seek", { to: { offset: 99 } });
    expect(refused).toMatchObject({ status: 422, body: faultAt("#/to") });
    const below = subscriptionWith({
      seek: async () => err(problem("log-truncated", "It begins at 5.", { extra: { firstOffset: 5 } })),
    });
    const truncated = await below.send("POST", "seek", { to: { offset: 1 } });
    expect(truncated).toMatchObject({ status: 410, body: { code: "log-truncated", firstOffset: 5 } });
  });
});

describe("rotate-secret (5.6)", () => {
  const rotatable = () => {
    const rotateSecret = vi.fn<SubscriptionRpc["rotateSecret"]>(async () => ok({ previousExpiresAt: 0 }));
    return { rotateSecret, ...subscriptionWith({ rotateSecret }) };
  };

  test("answers a new secret, which the object gets encrypted and no log line has", async () => {
    const { send, rotateSecret, lines } = rotatable();
    const { status, body } = await send<{ secret: string }>("POST", "rotate-secret");
    expect([status, body]).toEqual([
      200,
      { secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/), previousExpiresAt: "1970-01-01T00:00:00.000Z" },
    ]);
    const [ciphertext = "", graceMilliseconds] = rotateSecret.mock.calls[0] ?? [];
    expect(graceMilliseconds).toBe(86_400_000);
    const vault = await openVault({ key: ENCRYPTION_KEY });
    expect(vault.ok && (await vault.value.decrypt(ciphertext))).toBe(body.secret);
    expect(ciphertext).not.toContain(body.secret.slice(6));
    expect(lines).toHaveLength(1);
    expect(lines.join()).not.toContain(body.secret.slice(6));
    const again = await send<{ secret: string }>("POST", "rotate-secret", {});
    expect(again.body.secret).not.toBe(body.secret);
  });

  test.each([
    [{ graceSeconds: 0 }, 0],
    [{ graceSeconds: 604_800 }, 604_800_000],
  ])("takes %j", async (document, graceMilliseconds) => {
    const { send, rotateSecret } = rotatable();
    expect((await send("POST", "rotate-secret", document)).status).toBe(200);
    expect(rotateSecret).toHaveBeenCalledWith(expect.any(String), graceMilliseconds);
  });

  test.each([
    [{ graceSeconds: -1 }, "#/graceSeconds"],
    [{ graceSeconds: 604_801 }, "#/graceSeconds"],
    [{ graceSeconds: 0.5 }, "#/graceSeconds"],
    [{ graceSeconds: "60" }, "#/graceSeconds"],
    [{ graceSeconds: null }, "#/graceSeconds"],
    [{ secret: SECRET }, "#/secret"],
  ])("refuses %j", async (document, pointer) => {
    const { send, rotateSecret } = rotatable();
    expect(await send("POST", "rotate-secret", document)).toMatchObject({ status: 422, body: faultAt(pointer) });
    expect(rotateSecret).not.toHaveBeenCalled();
  });
});

describe("redriving and deleting dead letters (7.6)", () => {
  const all = { eventIds: null, since: null, until: null };
  const letters = () => {
    const redrive = vi.fn<SubscriptionRpc["redrive"]>(async () => ok({ redriven: 2 }));
    const deleteDeadLetters = vi.fn<SubscriptionRpc["deleteDeadLetters"]>(async () => ok({ deleted: 3 }));
    return { redrive, deleteDeadLetters, ...subscriptionWith({ redrive, deleteDeadLetters }) };
  };

  test("answer how many", async () => {
    const { send } = letters();
    expect(await send("POST", "dead-letters/redrive")).toEqual({ status: 202, body: { redriven: 2 } });
    expect(await send("DELETE", "dead-letters")).toEqual({ status: 200, body: { deleted: 3 } });
  });

  test.each([
    [undefined, all],
    [{}, all],
    [{ eventIds: [EVENT, OTHER] }, { ...all, eventIds: [EVENT, OTHER] }],
    [{ since: "2026-11-23T09:00:00Z" }, { ...all, since: Date.UTC(2026, 10, 23, 9) }],
    // A time that ends before it begins holds none, as in the list of dead letters.
    [
      { since: "2026-11-23T09:00:00Z", until: "2026-11-23T08:00:00.5Z" },
      { ...all, since: Date.UTC(2026, 10, 23, 9), until: Date.UTC(2026, 10, 23, 8, 0, 0, 500) },
    ],
  ])("select by %j", async (document, selection) => {
    const { send, redrive, deleteDeadLetters } = letters();
    await send("POST", "dead-letters/redrive", document);
    await send("DELETE", "dead-letters", document);
    expect([redrive.mock.calls, deleteDeadLetters.mock.calls]).toEqual([[[selection]], [[selection]]]);
  });

  test.each([
    [{ eventIds: [EVENT], since: "2026-11-23T09:00:00Z" }, "#/eventIds"],
    [{ eventIds: [EVENT], until: "2026-11-23T09:00:00Z" }, "#/eventIds"],
    [{ eventIds: [] }, "#/eventIds"],
    [{ eventIds: Array(1001).fill(EVENT) }, "#/eventIds"],
    [{ eventIds: EVENT }, "#/eventIds"],
    [{ eventIds: null }, "#/eventIds"],
    [{ eventIds: [EVENT, EVENT.toUpperCase()] }, "#/eventIds/1"],
    [{ eventIds: [1] }, "#/eventIds/0"],
    [{ since: "yesterday" }, "#/since"],
    [{ until: 1_800_000_000_000 }, "#/until"],
    [{ until: null }, "#/until"],
    [{ reason: "exhausted" }, "#/reason"],
  ])("refuse %j", async (document, pointer) => {
    const { send, redrive, deleteDeadLetters } = letters();
    for (const [method, path] of [["POST", "dead-letters/redrive"] as const, ["DELETE", "dead-letters"] as const]) {
      expect(await send(method, path, document)).toMatchObject({ status: 422, body: faultAt(pointer) });
    }
    expect([redrive.mock.calls, deleteDeadLetters.mock.calls]).toEqual([[], []]);
  });
});

describe("a test (5.5)", () => {
  const sent: { url: string; headers: Record<string, string>; body: string }[] = [];
  beforeEach(() => {
    sent.length = 0;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 10, 23, 10) });
    vi.stubGlobal("fetch", async (url: string, { headers, body }: { headers: HeadersInit; body: Uint8Array }) => {
      sent.push({ url, headers: Object.fromEntries(new Headers(headers)), body: new TextDecoder().decode(body) });
      return new Response("no", { status: 410, headers: { "set-cookie": "a=b", "x-answer": "1" } });
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const config = (more: Partial<SubscriptionConfig>): SubscriptionConfig => ({
    ...{ id: "sub_1", tenant: "default", name: "hook", topic: "orders", url: "http://localhost/", description: "" },
    ...{ filter: { types: [], match: {} }, ordering: "key", format: "standard", headers: {}, timeoutSeconds: 15 },
    ...{ concurrency: 32, rateLimit: null, batch: null, disableAfterSeconds: null, secrets: [] },
    ...{ retry: { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null } },
    ...{ createdAt: 0, updatedAt: 0, ...more },
  });

  /** @param slowTargets how many times the object takes a second to answer. */
  async function subscribed(more: Partial<SubscriptionConfig> = {}, { key = ENCRYPTION_KEY, slowTargets = 0 } = {}) {
    const vault = await openVault({ key });
    if (!vault.ok) throw new Error(vault.error);
    const seal = (text: string) => vault.value.encrypt(text, new Uint8Array(VAULT_NONCE_BYTES).fill(1));
    const secrets = [{ ciphertext: await seal(SECRET), expiresAt: null }];
    const headers = { "x-team": await seal("billing-team") };
    let slow = slowTargets;
    return subscriptionWith({
      view: async () => ok(viewOf(config({ ...more, secrets, headers }))),
      testTarget: async () => {
        if (slow-- > 0) vi.setSystemTime(Date.now() + 1000);
        const { format = "standard" } = more;
        return ok({ ...partOf([]).target, format, secrets, headers });
      },
    });
  }

  test("is one request, signed, with no place in a log, and answers with its attempt", async () => {
    const { send, lines } = await subscribed();
    const { status, body } = await send("POST", "test");
    expect(status).toBe(200);
    const [request, ...others] = sent;
    if (request === undefined) throw new Error("nothing was sent");
    expect(others).toEqual([]);
    expect(JSON.parse(request.body)).toEqual({
      ...{ type: "sluice.test", timestamp: "2026-11-23T10:00:00.000Z" },
      data: { message: expect.any(String) },
    });
    expect(() => new Webhook(SECRET).verify(request.body, request.headers)).not.toThrow();
    expect(decodeEventId(request.headers["webhook-id"] ?? "")).toMatchObject({ offset: 0, time: Date.now() });
    expect(request.headers).toMatchObject({
      "sluice-trigger": "test",
      "sluice-attempt": "1",
      "x-team": "billing-team",
    });
    const places = ["sluice-partition", "sluice-offset", "sluice-previous-offset", "sluice-key"];
    expect(Object.keys(request.headers).filter((name) => places.includes(name))).toEqual([]);
    const { "webhook-signature": _signature, "x-team": _team, ...shown } = request.headers;
    expect(body).toEqual({
      ...{ id: expect.stringMatching(/^att_/), number: 1, trigger: "test", startedAt: "2026-11-23T10:00:00.000Z" },
      ...{ durationMilliseconds: 0, outcome: "failure", statusCode: 410 },
      error: { code: "status", message: "The subscriber answered 410." },
      request: {
        url: "http://localhost:3000/hook",
        headers: { ...shown, "x-team": "***", "webhook-signature": "***" },
        bodyBytes: request.body.length,
      },
      response: {
        headers: { "set-cookie": "***", "x-answer": "1", "content-type": "text/plain;charset=UTF-8" },
        ...{ body: "no", truncated: false },
      },
    });
    expect(lines.join()).not.toContain("billing-team");
  });

  test("has another event each time", async () => {
    const { send } = await subscribed();
    await send("POST", "test");
    await send("POST", "test", {});
    expect(new Set(sent.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
  });

  test("sends the data alone where the format is raw", async () => {
    const { send } = await subscribed({ format: "raw" });
    expect((await send<AttemptAnswer>("POST", "test")).body.request.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(sent[0]?.body ?? "")).toEqual({ message: expect.any(String) });
  });

  test("is a batch of one where events go in batches", async () => {
    const { send } = await subscribed({ batch: { maxEvents: 10, maxWaitMilliseconds: 60_000 } });
    const { body } = await send<AttemptAnswer>("POST", "test");
    expect(JSON.parse(sent[0]?.body ?? "")).toEqual([expect.objectContaining({ type: "sluice.test" })]);
    const id = expect.stringMatching(/^bat_/);
    expect(sent[0]?.headers).toMatchObject({ "webhook-id": id, "sluice-batch-size": "1" });
    expect(body.request.headers).toMatchObject({ "webhook-id": id, "sluice-batch-size": "1" });
  });

  test("is not begun so late that a pause would no longer wait for it, but again", async () => {
    const once = await subscribed({}, { slowTargets: 1 });
    expect((await once.send("POST", "test")).status).toBe(200);
    expect(sent).toHaveLength(1);
    const always = await subscribed({}, { slowTargets: 9 });
    expect(await always.send("POST", "test")).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(sent).toHaveLength(1);
  });

  test("is denied, and nothing is sent, when the secrets cannot be decrypted", async () => {
    const denied = await subscribed({}, { key: "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=" });
    const { status, body } = await denied.send<AttemptAnswer>("POST", "test");
    expect([status, body.outcome, body.error?.code, body.response]).toEqual([200, "failure", "denied", null]);
    expect(sent).toEqual([]);
  });

  test("is refused while it is paused, and with parameters", async () => {
    const paused = subscriptionWith({
      view: async () => ok({ ...viewOf(config({})), state: "paused" }),
      testTarget: async () => err(problem("conflict", "The subscription is not active; resume it first.")),
    });
    expect(await paused.send("POST", "test")).toMatchObject({ status: 409, body: { code: "conflict" } });
    const { send } = await subscribed();
    expect((await send("POST", "test", { type: "x" })).status).toBe(422);
    expect(sent).toEqual([]);
  });
});
