import { describe, expect, test } from "vitest";
import { openVault } from "../../src/core/vault.ts";
import type { Start } from "../../src/topic-log/rpc.ts";
import { ENCRYPTION_KEY } from "../support/http-env.ts";
import { gatewayWithMemory } from "../support/subscription-gateway.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const DOCUMENT = { name: "billing", topic: "orders", url: "https://example.com/hook" };

async function decrypt(ciphertext: string | undefined): Promise<string | null> {
  const vault = await openVault({ key: ENCRYPTION_KEY });
  return vault.ok && ciphertext !== undefined ? vault.value.decrypt(ciphertext) : null;
}

describe("creating a subscription", () => {
  test("answers with all of it, defaults included, and the secret this once", async () => {
    const { send, created } = gatewayWithMemory();
    const { status, body } = await send("POST", "/v1/subscriptions", { ...DOCUMENT, headers: { "X-Team": "billing" } });
    expect(status).toBe(201);
    const { id, secret, createdAt, updatedAt, ...rest } = body;
    expect(id).toMatch(/^sub_[0-9a-z]{26}$/);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(updatedAt).toBe(createdAt);
    expect(rest).toEqual({
      ...DOCUMENT,
      description: "",
      filter: { types: [], match: {} },
      ordering: "key",
      format: "standard",
      start: "latest",
      headers: { "x-team": "***" },
      timeoutSeconds: 15,
      concurrency: 32,
      rateLimit: null,
      batch: null,
      retry: {
        scheduleSeconds: [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        jitter: 0.2,
        onExhausted: "continue",
        holdAfterFailures: 10,
      },
      disableAfterSeconds: 432000,
      replyTopic: null,
      verification: "none",
      state: "active",
      disabledReason: null,
      cursor: [{ partition: 0, offset: 7 }],
      lag: 0,
      oldestUnsettledAt: null,
      health: {
        state: "healthy",
        consecutiveFailures: 0,
        failingSince: null,
        lastError: null,
        nextProbeAt: null,
        lastSuccessAt: "2027-01-15T08:00:00.000Z",
        lastFailureAt: null,
      },
      redrive: null,
    });
    const later = await send("GET", "/v1/subscriptions/billing");
    const { secret: _once, ...shown } = body;
    expect(later).toEqual({ status: 200, body: shown });
    expect(created).toHaveLength(1);
  });

  test("gives the object ciphertexts, never the secret or a header's value", async () => {
    const { send, created } = gatewayWithMemory();
    await send("POST", "/v1/subscriptions", { ...DOCUMENT, secret: SECRET, headers: { "x-team": "top-secret-value" } });
    const [config] = created.map((one) => one.config);
    expect(JSON.stringify(config)).not.toContain("top-secret-value");
    expect(JSON.stringify(config)).not.toContain(SECRET.slice(6));
    expect(await decrypt(config?.headers["x-team"])).toBe("top-secret-value");
    expect(await decrypt(config?.secrets[0]?.ciphertext)).toBe(SECRET);
  });

  test("without a name calls it by its id", async () => {
    const { send } = gatewayWithMemory();
    const { body } = await send("POST", "/v1/subscriptions", { topic: "orders", url: DOCUMENT.url });
    expect(body.name).toBe(body.id);
  });

  test.each<[unknown, Start]>([
    ["latest", "latest"],
    ["earliest", "earliest"],
    [{ offset: 42 }, { offset: 42 }],
    [{ offsets: { "0": 42 } }, { offset: 42 }],
    [{ time: "2026-01-31T09:30:00+01:00" }, { time: Date.parse("2026-01-31T08:30:00Z") }],
  ])("starts at %j", async (start, expected) => {
    const { send, created } = gatewayWithMemory();
    const { status } = await send("POST", "/v1/subscriptions", { ...DOCUMENT, start });
    expect([status, created[0]?.start]).toEqual([201, expected]);
  });

  test("creates the topic, where the gateway does that", async () => {
    const { send, topics } = gatewayWithMemory();
    expect((await send("POST", "/v1/subscriptions", { ...DOCUMENT, topic: "new" })).status).toBe(201);
    expect(topics.has("new")).toBe(true);
    const strict = gatewayWithMemory({ TOPICS_AUTO_CREATE: "false" });
    expect((await strict.send("POST", "/v1/subscriptions", { ...DOCUMENT, topic: "new" })).status).toBe(404);
    expect(strict.topics.has("new")).toBe(false);
  });
});

describe("a refused subscription creates nothing, not even its topic", () => {
  const refused: [string, unknown, string, number?][] = [
    ["not an object", [], "#"],
    ["no topic", { ...DOCUMENT, topic: undefined }, "#/topic"],
    ["no url", { ...DOCUMENT, url: undefined }, "#/url"],
    ["an unknown member", { ...DOCUMENT, urls: [] }, "#/urls"],
    ["a member called like a method", { ...DOCUMENT, toString: 1 }, "#/toString"],
    ["a name with a slash", { ...DOCUMENT, name: "a/b" }, "#/name"],
    ["a name like an id", { ...DOCUMENT, name: "sub_01m83tvjywzfvh5j5h5bc5prf3" }, "#/name"],
    ["a bad topic", { ...DOCUMENT, topic: "Orders" }, "#/topic"],
    ["a number as url", { ...DOCUMENT, url: 5 }, "#/url"],
    ["another scheme", { ...DOCUMENT, url: "ftp://example.com/" }, "#/url"],
    ["half a surrogate pair", { ...DOCUMENT, description: "\ud800" }, "#/description"],
    ["a long description", { ...DOCUMENT, description: "d".repeat(1025) }, "#/description"],
    ["an unknown operator", { ...DOCUMENT, filter: { match: { data: { $near: 1 } } } }, "#/filter/match/data/$near"],
    ["an unknown member of the filter", { ...DOCUMENT, filter: { type: "x" } }, "#/filter/type"],
    ["an ordering", { ...DOCUMENT, ordering: "strict" }, "#/ordering"],
    ["a format there is not", { ...DOCUMENT, format: "cloudevents" }, "#/format"],
    ["a batch of binary CloudEvents", { ...DOCUMENT, format: "cloudevents-binary", batch: {} }, "#/batch"],
    ["a batch of raw bodies", { ...DOCUMENT, format: "raw", batch: {} }, "#/batch"],
    ["a start before the first", { ...DOCUMENT, start: { offset: 0 } }, "#/start"],
    ["a start of two kinds", { ...DOCUMENT, start: { offset: 1, time: "2026-01-31T09:30:00Z" } }, "#/start"],
    ["a start in another partition", { ...DOCUMENT, start: { offsets: { "1": 1 } } }, "#/start"],
    ["a start at no time", { ...DOCUMENT, start: { time: "yesterday" } }, "#/start"],
    ["a start beyond a new topic", { ...DOCUMENT, topic: "new", start: { offset: 2 } }, "#/start"],
    ["a header of the gateway", { ...DOCUMENT, headers: { "webhook-id": "x" } }, "#/headers/webhook-id"],
    ["a header with CR LF", { ...DOCUMENT, headers: { "x-a": "a\r\nx-b: c" } }, "#/headers/x-a"],
    ["a header that is no string", { ...DOCUMENT, headers: { "x-a": 1 } }, "#/headers"],
    ["a hidden header", { ...DOCUMENT, headers: { "x-a": "***" } }, "#/headers/x-a"],
    ["a timeout of 26 s", { ...DOCUMENT, timeoutSeconds: 26 }, "#/timeoutSeconds"],
    ["a fraction of a timeout", { ...DOCUMENT, timeoutSeconds: 1.5 }, "#/timeoutSeconds"],
    ["no concurrency", { ...DOCUMENT, concurrency: 0 }, "#/concurrency"],
    ["a reply topic", { ...DOCUMENT, replyTopic: "replies" }, "#/replyTopic"],
    ["another verification", { ...DOCUMENT, verification: "challenge" }, "#/verification"],
    ["a target topic", { ...DOCUMENT, targetTopic: "other" }, "#/targetTopic"],
    ["pulling", { ...DOCUMENT, pull: true }, "#/pull"],
    ["31 retries", { ...DOCUMENT, retry: { scheduleSeconds: Array(31).fill(1) } }, "#/retry/scheduleSeconds"],
    [
      "a retry after more than a day",
      { ...DOCUMENT, retry: { scheduleSeconds: [1, 86401] } },
      "#/retry/scheduleSeconds/1",
    ],
    ["a negative jitter", { ...DOCUMENT, retry: { jitter: -0.1 } }, "#/retry/jitter"],
    ["an unknown member of the retry", { ...DOCUMENT, retry: { attempts: 5 } }, "#/retry/attempts"],
    ["no failures to hold after", { ...DOCUMENT, retry: { holdAfterFailures: 0 } }, "#/retry/holdAfterFailures"],
    ["disabling at once", { ...DOCUMENT, disableAfterSeconds: 0 }, "#/disableAfterSeconds"],
    ["a short secret", { ...DOCUMENT, secret: "whsec_c2hvcnQ=" }, "#/secret"],
    ["a secret that is none", { ...DOCUMENT, secret: "hunter2hunter2hunter2hunter2" }, "#/secret"],
  ];

  test.each(refused)("%s", async (_name, document, pointer) => {
    const { send, created, topics } = gatewayWithMemory();
    const { status, body } = await send("POST", "/v1/subscriptions", document);
    expect([status, body.errors]).toEqual([422, expect.arrayContaining([expect.objectContaining({ pointer })])]);
    expect(JSON.stringify(body)).not.toContain("hunter2");
    expect([created.length, [...topics]]).toEqual([0, ["orders"]]);
  });

  test("a proto in the document is a member like any other", async () => {
    const { send, created } = gatewayWithMemory();
    const json = JSON.stringify({ ...DOCUMENT }).replace("{", '{"__proto__":{"ordering":"none"},');
    const { status, body } = await send("POST", "/v1/subscriptions", json);
    expect([status, JSON.stringify(body.errors)]).toEqual([422, expect.stringContaining("__proto__")]);
    expect(created).toEqual([]);
  });

  test("a name that is taken", async () => {
    const { send, created, configs } = gatewayWithMemory();
    await send("POST", "/v1/subscriptions", DOCUMENT);
    const second = await send("POST", "/v1/subscriptions", { ...DOCUMENT, topic: "new" });
    expect([second.status, second.body.code]).toEqual([409, "name-taken"]);
    expect(created).toHaveLength(1);
    // Deleted: its name is free although the directory still has it.
    configs.clear();
    expect((await send("POST", "/v1/subscriptions", DOCUMENT)).status).toBe(201);
  });
});

describe("PUT", () => {
  test("creates, then sets the whole document without answering the secret", async () => {
    const { send, patches } = gatewayWithMemory();
    const { name: _path, ...document } = DOCUMENT;
    const first = await send("PUT", "/v1/subscriptions/billing", { ...document, secret: SECRET, timeoutSeconds: 5 });
    expect([first.status, first.body.name, first.body.secret]).toEqual([201, "billing", SECRET]);
    const again = await send("PUT", "/v1/subscriptions/billing", { ...document, secret: SECRET });
    expect([again.status, again.body.id, "secret" in again.body]).toEqual([200, first.body.id, false]);
    // What is left out has its default again.
    expect(again.body.timeoutSeconds).toBe(15);
    expect(Object.keys(patches[0] ?? {}).sort()).toEqual([
      ...["batch", "concurrency", "description", "disableAfterSeconds", "filter", "format", "headers"],
      ...["ordering", "rateLimit", "retry", "timeoutSeconds", "url"],
    ]);
  });

  test.each<[string, object, number]>([
    ["another topic", { ...DOCUMENT, topic: "other" }, 409],
    ["another name", { ...DOCUMENT, name: "shipping" }, 422],
    ["another secret", { ...DOCUMENT, secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, 422],
  ])("does not change to %s", async (_name, document, status) => {
    const { send, patches } = gatewayWithMemory();
    await send("PUT", "/v1/subscriptions/billing", { ...DOCUMENT, secret: SECRET });
    expect((await send("PUT", "/v1/subscriptions/billing", document)).status).toBe(status);
    expect(patches).toEqual([]);
  });

  test("creates under a name only", async () => {
    const { send, created } = gatewayWithMemory();
    expect(
      (await send("PUT", "/v1/subscriptions/sub_01m83tvjywzfvh5j5h5bc5prf3", { ...DOCUMENT, name: undefined })).status,
    ).toBe(404);
    expect((await send("PUT", "/v1/subscriptions/a%20b", { ...DOCUMENT, name: undefined })).status).toBe(422);
    expect((await send("PUT", "/v1/subscriptions/shipping", DOCUMENT)).status).toBe(422);
    expect(created).toEqual([]);
  });
});

describe("PATCH", () => {
  async function patched(patch: object) {
    const memory = gatewayWithMemory();
    const retry = { scheduleSeconds: [1, 2], jitter: 0 };
    await memory.send("POST", "/v1/subscriptions", {
      ...{ ...DOCUMENT, retry, description: "d", disableAfterSeconds: 60 },
      ...{ headers: { "x-a": "1", "x-b": "2" }, filter: { types: ["a"], match: { key: "k" } } },
    });
    const before = memory.created[0]?.config.headers;
    const answer = await memory.send("PATCH", "/v1/subscriptions/billing", patch);
    return { ...answer, before, patch: memory.patches[0] };
  }

  test("changes what it names and nothing else", async () => {
    const { status, patch } = await patched({ url: "https://example.org/", concurrency: 1 });
    expect([status, patch]).toEqual([200, { url: "https://example.org/", concurrency: 1 }]);
    expect((await patched({})).patch).toEqual({});
  });

  test("merges headers, and takes away the one that is null", async () => {
    const { patch, before, body } = await patched({ headers: { "X-A": null, "x-c": "3", "x-b": "***" } });
    expect(body.headers).toEqual({ "x-b": "***", "x-c": "***" });
    expect(patch?.headers?.["x-b"]).toBe(before?.["x-b"]);
    expect(await decrypt(patch?.headers?.["x-c"])).toBe("3");
    expect((await patched({ headers: null })).patch).toEqual({ headers: {} });
  });

  test("replaces filter and retry whole", async () => {
    const { patch } = await patched({ filter: { types: ["b"] }, retry: { jitter: 1 } });
    expect(patch?.filter).toEqual({ types: ["b"], match: {} });
    expect(patch?.retry).toMatchObject({ jitter: 1, holdAfterFailures: 10 });
    expect(patch?.retry?.scheduleSeconds).toHaveLength(9);
  });

  test("takes null as the default, but where null has a meaning", async () => {
    const { patch } = await patched({ description: null, filter: null, retry: null, disableAfterSeconds: null });
    expect(patch).toMatchObject({ description: "", filter: { types: [], match: {} }, disableAfterSeconds: null });
    expect(patch?.retry?.scheduleSeconds).toHaveLength(9);
  });

  test.each(["id", "name", "topic", "start", "secret", "state", "lag", "colour", "targetTopic"])(
    "refuses %s",
    async (name) => {
      const { status, body, patch } = await patched({ [name]: "x", description: "new" });
      expect([status, JSON.stringify(body.errors)]).toEqual([422, expect.stringContaining(`#/${name}`)]);
      expect(patch).toBeUndefined();
    },
  );

  test.each([
    { url: null },
    { url: "http://user@example.com" },
    { headers: { "x-a": "a\nb" } },
    { headers: { "x-d": "1", "X-D": "2" } },
    { headers: { "x-new": "***" } },
    { timeoutSeconds: "15" },
    [],
    null,
  ])("refuses %j", async (patch) => {
    const { status, patch: made } = await patched(patch as object);
    expect([status, made]).toEqual([422, undefined]);
  });
});
