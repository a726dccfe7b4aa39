import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import { DIRECTORY_CACHE_MS, EVENT_DATA_MAX_BYTES, HOPS_MAX, SOURCE_COUNTS_FLUSH_MS } from "../../src/core/limits.ts";
import { err } from "../../src/core/result.ts";
import type { Page } from "../support/client.ts";
import { type SourceAnswer, sourceGateway } from "../support/source-gateway.ts";

const SECRET = "s3cret-of-github";
const GITHUB = { name: "gh", topic: "hooks", provider: "github", secrets: [SECRET] };

const signed = (body: string, headers: Readonly<Record<string, string>> = {}, secret = SECRET) => ({
  body,
  headers: {
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    "x-github-event": "push",
    "content-type": "application/json",
    ...headers,
  },
});

const called = (gateway: ReturnType<typeof sourceGateway>, method: string) =>
  gateway.calls.filter((call) => call.endsWith(` ${method}`));

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a request that is genuine", () => {
  it("is appended as it came, and answered with where it is", async () => {
    const gateway = sourceGateway();
    const { id, url } = await gateway.create({ ...GITHUB, options: { keyFrom: "/repository/full_name" } });
    const body = '{"repository": {"full_name": "a/b"}, "n": 1.0, "s": "\\ud800"}\n';
    const answer = await gateway.deliver(url, signed(body, { "x-github-delivery": "d-1", "sluice-hops": "15" }));
    expect([answer.status, await answer.json()]).toEqual([202, { id: "evt_1", offset: 1 }]);
    const [{ events = [], ...request } = {}] = gateway.appended;
    expect(request).toMatchObject({
      idempotency: null,
      expectedOffset: null,
      requestId: expect.stringMatching(/^req_/),
    });
    expect(events).toEqual([
      {
        ...{ type: "github.push", key: "a/b", time: null, source: null, subject: null },
        ...{ correlationId: null, causationId: null, cloudEvent: null, contentType: "application/json", hops: 15 },
        headers: { "x-github-delivery": "d-1", "x-github-event": "push", "x-hub-signature-256": expect.any(String) },
        data: new TextEncoder().encode(body),
        idempotency: { key: `${id}\nd-1`, fingerprint: null },
      },
    ]);
    expect(called(gateway, "append")).toEqual(["TopicLog default/hooks/0 append"]);
    // An accepted one is in the log line of its commit.
    expect(gateway.lines.filter((line) => line.includes("/in/"))).toEqual([]);
  });

  it("is answered with the first one when it is a repeat, whatever its bytes", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const first = await gateway.deliver(url, signed("1", { "x-github-delivery": "d" }));
    const again = await gateway.deliver(url, signed("2", { "x-github-delivery": "d", "content-type": "text/plain" }));
    expect([again.status, await again.json()]).toEqual([202, await first.json()]);
    expect(await gateway.get("gh")).toMatchObject({ accepted: 1, duplicates: 1, refused: 0 });
  });

  it("goes to the tenant of its URL, whatever its headers say", async () => {
    const gateway = sourceGateway();
    const headers = { "sluice-tenant": "acme" };
    const created = await gateway.send("POST", "/v1/sources", { json: GITHUB, headers });
    const { url } = await created.json<SourceAnswer>();
    await gateway.deliver(url, signed("1", { "sluice-tenant": "other", authorization: "Bearer nobody" }));
    expect(called(gateway, "append")).toEqual(["TopicLog acme/hooks/0 append"]);
    expect(called(gateway, "sourceByToken")).toEqual(["Directory acme sourceByToken"]);
  });

  it.each<[string, { readonly body?: string; readonly headers?: Record<string, string> }, string]>([
    ["no body and no type", {}, "application/octet-stream"],
    [
      "a form",
      { body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } },
      "application/x-www-form-urlencoded",
    ],
    ["broken JSON", { body: "{", headers: { "content-type": "application/json" } }, "application/octet-stream"],
    ["a type in capitals", { body: "x", headers: { "content-type": "Text/Plain" } }, "Text/Plain"],
    ["no encoding, said so", { body: "x", headers: { "content-encoding": "identity", "content-type": "a/b" } }, "a/b"],
  ])("may have any body: %s", async (_title, init, contentType) => {
    const gateway = sourceGateway();
    const { url } = await gateway.create({ topic: "hooks", provider: "none" });
    expect((await gateway.deliver(url, init)).status).toBe(202);
    const event = gateway.appended[0]?.events[0];
    expect(event).toMatchObject({ type: "none.received", contentType });
    expect(new TextDecoder().decode(event?.data)).toBe(init.body ?? "");
  });

  it("gets from Slack's side its challenge back, and nothing is appended", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create({ name: "sl", topic: "hooks", provider: "slack", secrets: ["s"] });
    const body =
      '{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
    const seconds = String(Date.now() / 1000);
    const mac = createHmac("sha256", "s").update(`v0:${seconds}:${body}`).digest("hex");
    const headers = { "x-slack-request-timestamp": seconds, "content-type": "application/json" };
    const answer = await gateway.deliver(url, { body, headers: { ...headers, "x-slack-signature": `v0=${mac}` } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(await answer.text()).toBe("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
    const forged = await gateway.deliver(url, { body, headers: { ...headers, "x-slack-signature": "v0=0" } });
    expect(forged.status).toBe(401);
    expect(gateway.appended).toEqual([]);
    expect(await gateway.get("sl")).toMatchObject({ accepted: 0, refused: 1 });
  });

  it("of Twilio is answered with nothing", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create({ topic: "hooks", provider: "twilio", secrets: ["12345"] });
    const signature = createHmac("sha1", "12345").update(`${url}BodyhiMessageSidSM1`).digest("base64");
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature };
    const answer = await gateway.deliver(url, { body: "MessageSid=SM1&Body=hi", headers });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
    const digest = `${url}?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`;
    const json = {
      "content-type": "application/json",
      "x-twilio-signature": createHmac("sha1", "12345").update(digest).digest("base64"),
    };
    expect((await gateway.deliver(digest, { body: "{}", headers: json })).status).toBe(200);
    expect((await gateway.deliver(url, { body: "{}", headers: json })).status).toBe(401);
  });
});

describe("a request that is not", () => {
  it("is 401, appends nothing, creates no topic, and is counted", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const answer = await gateway.deliver(url, signed('{"card":"4242"}', {}, "another secret"));
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Signature"]);
    expect(await answer.json()).toMatchObject({ type: "/problems/invalid-signature", code: "invalid-signature" });
    expect((await gateway.deliver(url, { body: "x" })).status).toBe(401);
    expect(gateway.calls.filter((call) => /TopicLog|ensureTopic/.test(call))).toEqual([]);
    const lastRefusal = { at: "2027-01-15T08:00:00.000Z", reason: "missing" };
    expect(await gateway.get("gh")).toMatchObject({ accepted: 0, refused: 2, duplicates: 0, lastRefusal });
    for (const secret of [SECRET, "4242", new URL(url).pathname.slice(4)]) {
      expect(gateway.lines.join("\n")).not.toContain(secret);
    }
  });

  it("is asked for its password where there should be one", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create({ topic: "hooks", provider: "basic", secrets: ["user:password"] });
    const answer = await gateway.deliver(url, { body: "x" });
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="webhooks", charset="UTF-8"',
    ]);
    const headers = { authorization: "Basic dXNlcjpwYXNzd29yZA==" };
    expect((await gateway.deliver(url, { body: "x", headers })).status).toBe(202);
    expect(gateway.appended[0]?.events[0]?.headers).toBeNull();
  });

  it.each<[string, number, string, Readonly<Record<string, string>>]>([
    ["a body that is compressed", 415, "unsupported-media-type", { "content-encoding": "gzip" }],
    ["a type that is endless", 415, "unsupported-media-type", { "content-type": `a/${"b".repeat(300)}` }],
    ["a type beyond ASCII", 415, "unsupported-media-type", { "content-type": "text/é" }],
    ["too many hops", 508, "loop", { "sluice-hops": String(HOPS_MAX) }],
    ["hops that are no number", 422, "invalid", { "sluice-hops": "x" }],
  ])("is refused before that: %s", async (_title, status, code, headers) => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const answer = await gateway.deliver(url, signed("{}", headers));
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ code })]);
    expect(gateway.appended).toEqual([]);
  });

  it("may have 1 MiB and no byte more, streamed or not", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create({ topic: "hooks", provider: "none" });
    const chunks = (bytes: number) =>
      new ReadableStream<Uint8Array>({
        start(stream) {
          for (let left = bytes; left > 0; left -= 65_536) stream.enqueue(new Uint8Array(Math.min(left, 65_536)));
          stream.close();
        },
      });
    const status = async (body: BodyInit) => (await gateway.deliver(url, { body })).status;
    expect(await status(new Uint8Array(EVENT_DATA_MAX_BYTES))).toBe(202);
    expect(await status(chunks(EVENT_DATA_MAX_BYTES))).toBe(202);
    const large = await gateway.deliver(url, { body: new Uint8Array(EVENT_DATA_MAX_BYTES + 1) });
    expect([large.status, (await large.json<{ detail: string }>()).detail]).toEqual([
      413,
      expect.stringContaining("1048576"),
    ]);
    expect(await status(chunks(EVENT_DATA_MAX_BYTES + 1))).toBe(413);
    expect(gateway.appended).toHaveLength(2);
  });

  it("is told what the log says", async () => {
    const full = async () => err(problem("topic-full", "full"));
    const gateway = sourceGateway({ topicLog: { append: full } });
    const { url } = await gateway.create({ name: "n", topic: "hooks", provider: "none" });
    expect((await gateway.deliver(url)).status).toBe(507);
    expect(await gateway.get("n")).toMatchObject({ accepted: 0, refused: 0 });
  });

  it("goes to no topic that nobody made where that is so", async () => {
    let there = true;
    const directory = { hasTopic: async () => there };
    const gateway = sourceGateway({ directory, variables: { TOPICS_AUTO_CREATE: "false" } });
    const { url } = await gateway.create({ topic: "made-by-hand", provider: "none" });
    expect((await gateway.deliver(url)).status).toBe(202);
    there = false;
    vi.setSystemTime(Date.now() + DIRECTORY_CACHE_MS);
    expect((await gateway.deliver(url)).status).toBe(404);
  });
});

describe("a URL", () => {
  it("of nobody is 404, always alike, and no object is asked", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    await gateway.send("DELETE", "/v1/sources/gh");
    const urls = [
      url,
      `${url}x`,
      url.slice(0, -1),
      "http://x/in/x",
      "http://x/in/%00",
      `http://x/in/${"a".repeat(2000)}`,
    ];
    const bodies = [];
    for (const one of urls) {
      const answer = await gateway.deliver(one, signed("{}", { "content-encoding": "gzip", "sluice-hops": "99" }));
      const { requestId: _, ...body } = await answer.json<Readonly<Record<string, unknown>>>();
      bodies.push({ status: answer.status, body });
    }
    expect(bodies[0]).toMatchObject({ status: 404, body: { code: "not-found" } });
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(called(gateway, "sourceByToken")).toEqual(["Directory default sourceByToken"]);
  });

  it.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])("takes no %s", async (method) => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const answer = await gateway.send(method, new URL(url).pathname, { key: null });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("with a slash, or a query nobody knows, is none of ours", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    expect((await gateway.deliver(`${url}/`, signed("{}"))).status).toBe(404);
    expect((await gateway.deliver(`${url}?a=1`, signed("{}"))).status).toBe(422);
  });

  test("is asked for once in 30 s, and a change or deletion elsewhere counts after them", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const status = async () => (await gateway.deliver(url, signed("{}"))).status;
    expect([await status(), await status()]).toEqual([202, 202]);
    expect(called(gateway, "sourceByToken")).toHaveLength(1);
    vi.setSystemTime(Date.now() + DIRECTORY_CACHE_MS - 1);
    await status();
    expect(called(gateway, "sourceByToken")).toHaveLength(1);
    vi.setSystemTime(Date.now() + 1);
    await status();
    expect(called(gateway, "sourceByToken")).toHaveLength(2);
    expect(called(gateway, "sourceTokenKey").length).toBeLessThanOrEqual(1);
  });

  test("stops with its source, and follows its secrets and topic, at once where that was asked", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    const status = async (secret?: string) => (await gateway.deliver(url, signed("{}", {}, secret))).status;
    expect(await status()).toBe(202);
    await gateway.send("PATCH", "/v1/sources/gh", { json: { secrets: [SECRET, "new"] } });
    expect([await status(), await status("new")]).toEqual([202, 202]);
    await gateway.send("PATCH", "/v1/sources/gh", { json: { secrets: ["new"], topic: "elsewhere" } });
    expect([await status(), await status("new")]).toEqual([401, 202]);
    expect(called(gateway, "append").at(-1)).toBe("TopicLog default/elsewhere/0 append");
    await gateway.send("DELETE", "/v1/sources/gh");
    expect(await status("new")).toBe(404);
  });
});

describe("what is counted", () => {
  it("is told at once where it was quiet, then once a second at most", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    for (let n = 0; n < 10; n++) await gateway.deliver(url, signed(String(n)));
    expect(called(gateway, "countSource")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(SOURCE_COUNTS_FLUSH_MS);
    expect(called(gateway, "countSource")).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(10 * SOURCE_COUNTS_FLUSH_MS);
    expect(called(gateway, "countSource")).toHaveLength(2);
    expect(await gateway.get("gh")).toMatchObject({ accepted: 10 });
  });

  it("is all in what is read, also what was not told yet", async () => {
    const gateway = sourceGateway();
    const { url } = await gateway.create(GITHUB);
    for (let n = 0; n < 3; n++) await gateway.deliver(url, signed(String(n)));
    await gateway.deliver(url, { body: "x" });
    const { data } = await (await gateway.send("GET", "/v1/sources")).json<Page<SourceAnswer>>();
    expect(data).toMatchObject([{ accepted: 3, refused: 1 }]);
    await vi.advanceTimersByTimeAsync(10 * SOURCE_COUNTS_FLUSH_MS);
    expect(await gateway.get("gh")).toMatchObject({ accepted: 3, refused: 1 });
  });

  it("does not hold up or fail a request when it cannot be told", async () => {
    const countSource = async () => {
      throw new Error("not now");
    };
    const gateway = sourceGateway({ directory: { countSource } });
    const { url } = await gateway.create(GITHUB);
    expect((await gateway.deliver(url, signed("{}"))).status).toBe(202);
    expect((await gateway.deliver(url, { body: "x" })).status).toBe(401);
  });
});
