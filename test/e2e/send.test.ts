import { gzipSync } from "node:zlib";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  RESPONSE_BODY_MAX_BYTES,
  RESPONSE_HEADER_MAX_CHARACTERS,
  RESPONSE_HEADERS_MAX,
} from "../../src/core/limits.ts";
import { formatSecret } from "../../src/core/secret.ts";
import type { SendResult } from "../../src/subscription/rpc.ts";
import { type RawBehaviour, type RawServer, rawServer } from "../support/raw-server.ts";
import { type SendRuntime, sendRuntime } from "../support/send-runtime.ts";

let runtime: SendRuntime;
const servers: RawServer[] = [];

beforeAll(async () => {
  runtime = await sendRuntime();
});
afterAll(() => runtime.dispose());
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function subscriber(behaviour: RawBehaviour): Promise<RawServer & { url: string }> {
  const server = await rawServer(behaviour);
  servers.push(server);
  return { ...server, url: `http://127.0.0.1:${server.port}/hook` };
}

/** A subscriber that answers each request with these bytes and closes. */
const answering = (text: string | Buffer) =>
  subscriber({ request: (socket) => socket.end(typeof text === "string" ? Buffer.from(text, "latin1") : text) });

const http = (status: string, headers: readonly string[] = ["Content-Length: 0"], body = ""): string =>
  [`HTTP/1.1 ${status}`, ...headers, "", body].join("\r\n");

async function answerTo(text: string | Buffer, timeoutSeconds = 5) {
  const { url } = await answering(text);
  const result = await runtime.send({ url, timeoutSeconds });
  if (result.kind === "unsent") throw new Error("it was not sent");
  return result;
}

/** That it ended by the deadline of one second; the upper bound leaves room for a busy machine. */
function expectDeadline(result: SendResult): void {
  if (result.kind === "unsent") throw new Error("it was not sent");
  expect(result.durationMilliseconds).toBeGreaterThan(950);
  expect(result.durationMilliseconds).toBeLessThan(4000);
}

describe("the request", () => {
  it("is signed, has every header of API clause 6.1, and the custom ones beside them", async () => {
    const server = await answering(http("200 OK"));
    const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const result = await runtime.send({
      url: `${server.url}?token=a%20b`,
      secrets: secrets.map((secret) => secret.toString("base64")),
      headers: { authorization: "Bearer x", "webhook-id": "forged", "user-agent": "forged", "sluice-hops": "forged" },
      event: { key: "käse", contentType: "application/json", dataBase64: Buffer.from('{"n":1.0}').toString("base64") },
    });
    expect(result).toMatchObject({ kind: "answered", statusCode: 200, error: null });
    const [request] = server.requests;
    expect(request?.line).toBe("POST /hook?token=a%20b HTTP/1.1");
    const headers = Object.fromEntries(request?.headers ?? []);
    expect(headers).toEqual({
      host: `127.0.0.1:${server.port}`,
      "content-length": String(request?.body.length),
      "cf-worker": expect.any(String),
      "content-type": "application/json",
      "user-agent": "Sluice/9.9.9",
      "accept-encoding": "identity",
      "webhook-id": "evt_01hzy7k8m90000000001000000000001",
      "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
      "webhook-signature": expect.stringMatching(/^v1,[\w+/=]{44} v1,[\w+/=]{44}$/),
      "sluice-topic": "orders",
      "sluice-subscription": "sub_1",
      "sluice-partition": "0",
      "sluice-offset": "1",
      "sluice-previous-offset": "0",
      "sluice-attempt": "1",
      "sluice-trigger": "fan-out",
      "sluice-key": "k%C3%A4se",
      "sluice-hops": "1",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      authorization: "Bearer x",
    });
    const body = request?.body.toString() ?? "";
    expect(body).toBe('{"type":"order.paid","timestamp":"2026-11-23T10:00:00.000Z","data":{"n":1.0}}');
    expect(result).toMatchObject({ bodyBytes: Buffer.byteLength(body) });
    for (const secret of secrets) new Webhook(formatSecret(secret)).verify(body, headers);
  });

  it("carries raw bytes under their own content type", async () => {
    const server = await answering(http("200 OK"));
    const data = Buffer.from([0xff, 0xfe, 0x00, 0x0d, 0x0a]);
    const event = { key: null, contentType: "application/x-thing; v=1", dataBase64: data.toString("base64") };
    await runtime.send({ url: server.url, format: "raw", event });
    expect(server.requests[0]?.body).toEqual(data);
    expect(server.requests[0]?.headers.get("content-type")).toBe("application/x-thing; v=1");
  });

  it("carries no cookie that an earlier answer set", async () => {
    const server = await answering(http("200 OK", ["Set-Cookie: a=b; Path=/", "Content-Length: 0"]));
    await runtime.send({ url: server.url });
    await runtime.send({ url: server.url });
    expect(server.requests.map(({ headers }) => headers.get("cookie"))).toEqual([undefined, undefined]);
  });

  it("is not made to a URL that is not allowed, whatever let it in", async () => {
    const server = await answering(http("200 OK"));
    for (const url of [
      server.url,
      server.url.replace("http:", "https:"),
      server.url.replace("127.0.0.1", "[::ffff:7f00:1]"),
    ]) {
      expect(await runtime.send({ url, allowPrivate: false })).toMatchObject({
        kind: "failed",
        error: { code: "denied" },
        statusCode: null,
        response: null,
        durationMilliseconds: 0,
        bodyBytes: 0,
      });
    }
    expect(server.connections()).toBe(0);
  });

  it("is not made when it could only be started too late", async () => {
    const server = await answering(http("200 OK"));
    const result = await runtime.send({ url: server.url, lateByMilliseconds: 1 });
    expect(result).toEqual({ kind: "unsent", lease: 1, offset: 1, attemptId: "att_01hzy7k8m90000000000000000" });
    expect(server.connections()).toBe(0);
  });

  it("is not made with a header that is no HTTP", async () => {
    const server = await answering(http("200 OK"));
    const event = { key: null, contentType: "text/plain\r\nx-injected: 1", dataBase64: "AAAA" };
    const result = await runtime.send({ url: server.url, format: "raw", event });
    expect(result).toMatchObject({ kind: "failed", error: { code: "denied" } });
    expect(server.connections()).toBe(0);
  });
});

describe("an answer that decides", () => {
  it.each(["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Fine"])("%s is success", async (status) => {
    const headers = status.startsWith("204") ? [] : undefined;
    expect(await answerTo(http(status, headers))).toMatchObject({
      kind: "answered",
      statusCode: Number(status.slice(0, 3)),
      error: null,
      response: { body: "", truncated: false },
    });
  });

  it.each([
    [
      "trailers and chunk extensions",
      http("200 OK", ["Transfer-Encoding: chunked", "Trailer: x"], "2;a=b\r\nok\r\n0\r\nx: 1\r\n\r\n"),
    ],
    ["HTTP/1.0 without a length", "HTTP/1.0 200 OK\r\n\r\nok"],
    ["100 first", `HTTP/1.1 100 Continue\r\n\r\n${http("200 OK", ["Content-Length: 2"], "ok")}`],
    ["103 first", `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${http("200 OK", ["Content-Length: 2"], "ok")}`],
    ["the same length twice", http("200 OK", ["Content-Length: 2", "Content-Length: 2"], "ok")],
  ])("200 with %s is success", async (_, text) => {
    expect(await answerTo(text)).toMatchObject({
      statusCode: 200,
      error: null,
      response: { body: "ok", truncated: false },
    });
  });

  it("200 sent and closed before the request was read whole is success", async () => {
    const server = await subscriber({
      connected: (socket) => socket.once("data", () => socket.pause().end(http("200 OK"))),
    });
    expect(await runtime.send({ url: server.url })).toMatchObject({ statusCode: 200, error: null });
  });

  it.each([
    ["101 Switching Protocols", ["Connection: Upgrade", "Upgrade: x"], "response"],
    ["300 Multiple Choices", undefined, "redirect"],
    ["304 Not Modified", undefined, "redirect"],
    ["400 Bad Request", undefined, "status"],
    ["404 Not Found", undefined, "status"],
    ["410 Gone", undefined, "status"],
    ["500 Oops", undefined, "status"],
    ["600 Unknown", undefined, "status"],
    ["999 Unknown", undefined, "status"],
  ] as const)("%s is a failure", async (status, headers, code) => {
    const statusCode = Number(status.slice(0, 3));
    expect(await answerTo(http(status, headers))).toMatchObject({ kind: "answered", statusCode, error: { code } });
  });

  it.each([301, 302, 303, 307, 308])("%i is a failure, its location shown and not called", async (statusCode) => {
    const elsewhere = await answering(http("200 OK"));
    const result = await answerTo(http(`${statusCode} Moved`, [`Location: ${elsewhere.url}`, "Content-Length: 0"]));
    expect(result).toMatchObject({
      statusCode,
      error: { code: "redirect" },
      response: { headers: { location: elsewhere.url } },
    });
    expect(elsewhere.connections()).toBe(0);
  });

  it("leaves its connection to the next send", async () => {
    const server = await subscriber({ request: (socket) => socket.write(http("200 OK", ["Content-Length: 2"], "ok")) });
    for (let sends = 1; sends <= 3; sends++) {
      expect(await runtime.send({ url: server.url })).toMatchObject({ statusCode: 200, error: null });
    }
    expect(server.requests).toHaveLength(3);
    expect(server.connections()).toBe(1);
  });

  it("keeps the body of a failure for the delivery log", async () => {
    const result = await answerTo(http("422 No", ["Content-Type: text/plain", "Content-Length: 9"], "bad thing"));
    expect(result.response).toEqual({
      headers: { "content-type": "text/plain", "content-length": "9" },
      body: "bad thing",
      truncated: false,
    });
  });
});

describe("no answer", () => {
  it.each<readonly [string, RawBehaviour, string]>([
    ["a connection closed at once", { connected: (socket) => socket.destroy() }, "connection"],
    ["a reset before the head", { request: (socket) => socket.resetAndDestroy() }, "connection"],
    ["a head that breaks off", { request: (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le") }, "connection"],
    ["garbage", { request: (socket) => socket.end("\x01\x02 garbage\r\n\r\n") }, "connection"],
    ["another protocol", { connected: (socket) => socket.write("220 mail ESMTP\r\n") }, "connection"],
    [
      "two different lengths",
      { request: (socket) => socket.end(http("200 OK", ["Content-Length: 2", "Content-Length: 3"], "abc")) },
      "connection",
    ],
    [
      "a negative length",
      { request: (socket) => socket.end(http("200 OK", ["Content-Length: -2"], "ab")) },
      "connection",
    ],
  ])("%s is a failure", async (_, behaviour, code) => {
    const { url } = await subscriber(behaviour);
    const result = await runtime.send({ url });
    expect(result).toMatchObject({ kind: "failed", statusCode: null, response: null, error: { code } });
  });

  it("a refused connection is a failure `connection`", async () => {
    const server = await answering("");
    await server.close();
    servers.pop();
    expect(await runtime.send({ url: server.url })).toMatchObject({ kind: "failed", error: { code: "connection" } });
  });

  it("an unknown host is a failure `dns`", async () => {
    // A label of more than 63 characters: refused by every resolver, without asking anybody.
    const url = `http://${"a".repeat(64)}.example/`;
    expect(await runtime.send({ url })).toMatchObject({ kind: "failed", error: { code: "dns" } });
  });

  it("a handshake that fails is a failure `tls`", async () => {
    const server = await subscriber({ connected: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") });
    const url = server.url.replace("http:", "https:");
    expect(await runtime.send({ url })).toMatchObject({ kind: "failed", error: { code: "tls" } });
  });

  it.each<readonly [string, RawBehaviour]>([
    ["a subscriber that hangs", {}],
    ["100 and nothing more", { request: (socket) => socket.write("HTTP/1.1 100 Continue\r\n\r\n") }],
    ["a head that never ends", { request: (socket) => socket.write("HTTP/1.1 200 OK\r\nX: ") }],
  ])("%s is a failure `timeout`, its connection closed", async (_, behaviour) => {
    const server = await subscriber(behaviour);
    const result = await runtime.send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({ kind: "failed", error: { code: "timeout" }, statusCode: null });
    expectDeadline(result);
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  it("200 after the deadline is a failure `timeout`", async () => {
    const server = await subscriber({
      request: (socket) => setTimeout(() => socket.writable && socket.end(http("200 OK")), 1500).unref(),
    });
    const result = await runtime.send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({ kind: "failed", error: { code: "timeout" } });
  });
});

describe("trouble in the body changes nothing but `truncated`", () => {
  it.each<readonly [string, string | Buffer, string]>([
    ["a length that lies", http("200 OK", ["Content-Length: 200"], "abc"), "abc"],
    ["broken chunks", http("200 OK", ["Transfer-Encoding: chunked"], "3\r\nabc\r\nZZZ\r\n"), "abc"],
    ["broken gzip", http("200 OK", ["Content-Encoding: gzip", "Content-Length: 9"], "no gzip!!"), ""],
  ])("%s", async (_, text, body) => {
    expect(await answerTo(text)).toMatchObject({ statusCode: 200, error: null, response: { body, truncated: true } });
  });

  it("broken gzip on a connection that stays open, which is closed", async () => {
    const server = await subscriber({
      request: (socket) => socket.write(http("200 OK", ["Content-Encoding: gzip", "Content-Length: 99"], "no gzip!!")),
    });
    expect(await runtime.send({ url: server.url })).toMatchObject({
      statusCode: 200,
      error: null,
      response: { truncated: true },
    });
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  it("a reset", async () => {
    const server = await subscriber({
      request: (socket) => {
        socket.write(http("200 OK", ["Content-Length: 200"], "abc"));
        setTimeout(() => socket.resetAndDestroy(), 50);
      },
    });
    expect(await runtime.send({ url: server.url })).toMatchObject({
      statusCode: 200,
      error: null,
      response: { truncated: true },
    });
  });

  it("a byte now and then until the deadline", async () => {
    const server = await subscriber({
      request: (socket) => {
        socket.write(http("200 OK", ["Content-Length: 1000"]));
        const drip = setInterval(() => (socket.writable ? socket.write("x") : clearInterval(drip)), 300);
      },
    });
    const result = await runtime.send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({
      statusCode: 200,
      error: null,
      response: { body: expect.stringMatching(/^x{1,4}$/), truncated: true },
    });
    expectDeadline(result);
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  it("a head at once and a body never", async () => {
    const server = await subscriber({ request: (socket) => socket.write(http("200 OK", ["Content-Length: 1000"])) });
    const result = await runtime.send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({ statusCode: 200, error: null, response: { body: "", truncated: true } });
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  it("a gigabyte, of which little is taken", async () => {
    const gigabyte = 2 ** 30;
    let written = 0;
    const server = await subscriber({
      request: (socket) => {
        socket.write(http("200 OK", [`Content-Length: ${gigabyte}`]));
        const chunk = Buffer.alloc(65_536, 0x61);
        const fill = (): void => {
          while (written < gigabyte && socket.writable) {
            written += chunk.length;
            if (!socket.write(chunk)) return;
          }
        };
        socket.on("drain", fill);
        fill();
      },
    });
    const result = await runtime.send({ url: server.url });
    expect(result).toMatchObject({
      statusCode: 200,
      error: null,
      response: { body: "a".repeat(RESPONSE_BODY_MAX_BYTES), truncated: true },
    });
    await vi.waitFor(() => expect(server.open()).toBe(0));
    expect(written).toBeLessThan(gigabyte / 16);
  });

  it("a gzip bomb, of which little is inflated", async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    const head = http("200 OK", ["Content-Encoding: gzip", `Content-Length: ${bomb.length}`]);
    const result = await answerTo(Buffer.concat([Buffer.from(head), bomb]));
    expect(result).toMatchObject({ statusCode: 200, error: null, response: { truncated: true } });
    expect(result.response?.body).toHaveLength(RESPONSE_BODY_MAX_BYTES);
  });

  it.each([
    [RESPONSE_BODY_MAX_BYTES, false],
    [RESPONSE_BODY_MAX_BYTES + 1, true],
  ])("%i bytes are truncated: %s", async (bytes, truncated) => {
    const result = await answerTo(http("200 OK", [`Content-Length: ${bytes}`], "b".repeat(bytes)));
    expect(result.response).toMatchObject({ body: "b".repeat(RESPONSE_BODY_MAX_BYTES), truncated });
  });

  it("bytes that are no UTF-8 are shown as replacement characters, a cut character not at all", async () => {
    const result = await answerTo(http("500 No", ["Content-Length: 3"], "a\xffb"));
    expect(result.response?.body).toBe("a\ufffdb");
    const long = Buffer.concat([
      Buffer.from(http("200 OK", [])),
      Buffer.alloc(RESPONSE_BODY_MAX_BYTES - 1, 0x63),
      Buffer.from("é"),
    ]);
    expect((await answerTo(long)).response?.body).toBe("c".repeat(RESPONSE_BODY_MAX_BYTES - 1));
  });
});

describe("response headers", () => {
  it("are kept up to a number and a length, cookies hidden", async () => {
    const many = Array.from({ length: 200 }, (_, at) => `X-${at}: ${at}`);
    const long = `A-Long: ${"v".repeat(300_000)}`;
    const result = await answerTo(
      http("200 OK", ["Set-Cookie: a=secret", "Set-Cookie: b=secret", long, ...many, "Content-Length: 0"]),
    );
    const headers = result.response?.headers ?? {};
    expect(Object.keys(headers)).toHaveLength(RESPONSE_HEADERS_MAX);
    expect(headers["a-long"]).toBe("v".repeat(RESPONSE_HEADER_MAX_CHARACTERS));
    expect(JSON.stringify(headers)).not.toContain("secret");
  });

  it("show that a cookie was set", async () => {
    const result = await answerTo(http("200 OK", ["Set-Cookie: a=secret", "Content-Length: 0"]));
    expect(result.response?.headers).toEqual({ "set-cookie": "***", "content-length": "0" });
  });

  it.each([
    ["429 Slow", "120", 120_000],
    ["503 Busy", "0", 0],
    ["503 Busy", "999999999", 86_400_000],
    ["429 Slow", "120.6", null],
    ["429 Slow", "-1", null],
    ["429 Slow", "soon", null],
    ["500 Oops", "120", null],
    ["200 OK", "120", null],
  ])("%s with Retry-After %s: wait %s ms", async (status, value, retryAfterMilliseconds) => {
    const result = await answerTo(http(status, [`Retry-After: ${value}`, "Content-Length: 0"]));
    expect(result.retryAfterMilliseconds).toBe(retryAfterMilliseconds);
  });

  it("two Retry-After are nonsense, a date is measured from now", async () => {
    const twice = await answerTo(http("429 Slow", ["Retry-After: 5", "Retry-After: 10", "Content-Length: 0"]));
    expect(twice.retryAfterMilliseconds).toBeNull();
    const date = new Date(Date.now() + 60_000).toUTCString();
    const dated = await answerTo(http("503 Busy", [`Retry-After: ${date}`, "Content-Length: 0"]));
    expect(dated.retryAfterMilliseconds).toBeGreaterThan(50_000);
    expect(dated.retryAfterMilliseconds).toBeLessThanOrEqual(60_000);
  });

  it.each([
    ["500 Oops", "disable", "disable"],
    ["404 Gone", "Abort-Message", "abort-message"],
    ["302 Found", "disable", "disable"],
    ["200 OK", "disable", null],
    ["500 Oops", "dance", null],
    ["500 Oops", "disable, abort-message", null],
  ])("%s with webhook-delivery %s: %s", async (status, value, instruction) => {
    const result = await answerTo(http(status, [`Webhook-Delivery: ${value}`, "Content-Length: 0"]));
    expect(result.instruction).toBe(instruction);
  });
});
