import { Webhook } from "standardwebhooks";
import { describe, expect, it, vi } from "vitest";
import { formatSecret } from "../../src/core/secret.ts";
import { http } from "../support/raw-answer.ts";
import type { RawBehaviour } from "../support/raw-server.ts";
import { expectDeadline, sending } from "../support/sending.ts";

const { send, subscriber, answering, answerTo, nobody } = sending();

describe("the request", () => {
  it("is signed, has every header of API clause 6.1, and the custom ones beside them", async () => {
    const server = await answering(http("200 OK"));
    const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const result = await send({
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
    await send({ url: server.url, format: "raw", event });
    expect(server.requests[0]?.body).toEqual(data);
    expect(server.requests[0]?.headers.get("content-type")).toBe("application/x-thing; v=1");
  });

  it("carries no cookie that an earlier answer set", async () => {
    const server = await answering(http("200 OK", ["Set-Cookie: a=b; Path=/", "Content-Length: 0"]));
    await send({ url: server.url });
    await send({ url: server.url });
    expect(server.requests.map(({ headers }) => headers.get("cookie"))).toEqual([undefined, undefined]);
  });

  it("is not made to a URL that is not allowed, whatever let it in", async () => {
    const server = await answering(http("200 OK"));
    for (const url of [
      server.url,
      server.url.replace("http:", "https:"),
      server.url.replace("127.0.0.1", "[::ffff:7f00:1]"),
    ]) {
      expect(await send({ url, allowPrivate: false })).toMatchObject({
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
    const result = await send({ url: server.url, lateByMilliseconds: 1 });
    expect(result).toEqual({ kind: "unsent", lease: 1, offset: 1, attemptId: "att_01hzy7k8m90000000000000000" });
    expect(server.connections()).toBe(0);
  });

  it("is not made with a header that is no HTTP", async () => {
    const server = await answering(http("200 OK"));
    const event = { key: null, contentType: "text/plain\r\nx-injected: 1", dataBase64: "AAAA" };
    const result = await send({ url: server.url, format: "raw", event });
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
    expect(await send({ url: server.url })).toMatchObject({ statusCode: 200, error: null });
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
      expect(await send({ url: server.url })).toMatchObject({ statusCode: 200, error: null });
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
    const result = await send({ url });
    expect(result).toMatchObject({ kind: "failed", statusCode: null, response: null, error: { code } });
  });

  it("a refused connection is a failure `connection`", async () => {
    expect(await send({ url: await nobody() })).toMatchObject({ kind: "failed", error: { code: "connection" } });
  });

  it("an unknown host is a failure `dns`", async () => {
    // A label of more than 63 characters: refused by every resolver, without asking anybody.
    const url = `http://${"a".repeat(64)}.example/`;
    expect(await send({ url })).toMatchObject({ kind: "failed", error: { code: "dns" } });
  });

  it("a handshake that fails is a failure `tls`", async () => {
    const server = await subscriber({ connected: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") });
    const url = server.url.replace("http:", "https:");
    expect(await send({ url })).toMatchObject({ kind: "failed", error: { code: "tls" } });
  });

  it.each<readonly [string, RawBehaviour]>([
    ["a subscriber that hangs", {}],
    ["100 and nothing more", { request: (socket) => socket.write("HTTP/1.1 100 Continue\r\n\r\n") }],
    ["a head that never ends", { request: (socket) => socket.write("HTTP/1.1 200 OK\r\nX: ") }],
  ])("%s is a failure `timeout`, its connection closed", async (_, behaviour) => {
    const server = await subscriber(behaviour);
    const result = await send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({ kind: "failed", error: { code: "timeout" }, statusCode: null });
    expectDeadline(result);
    await vi.waitFor(() => expect(server.open()).toBe(0));
  });

  it("200 after the deadline is a failure `timeout`", async () => {
    const server = await subscriber({
      request: (socket) => setTimeout(() => socket.writable && socket.end(http("200 OK")), 1500).unref(),
    });
    const result = await send({ url: server.url, timeoutSeconds: 1 });
    expect(result).toMatchObject({ kind: "failed", error: { code: "timeout" } });
  });
});
