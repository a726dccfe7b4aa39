import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import {
  RESPONSE_BODY_MAX_BYTES,
  RESPONSE_HEADER_MAX_CHARACTERS,
  RESPONSE_HEADERS_MAX,
} from "../../src/core/limits.ts";
import { http } from "../support/raw-answer.ts";
import { expectDeadline, sending } from "../support/sending.ts";

const { send, subscriber, answerTo } = sending();

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
    expect(await send({ url: server.url })).toMatchObject({
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
    expect(await send({ url: server.url })).toMatchObject({
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
    const result = await send({ url: server.url, timeoutSeconds: 1 });
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
    const result = await send({ url: server.url, timeoutSeconds: 1 });
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
    const result = await send({ url: server.url });
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

  it("are as JSON no more than is kept of a body, whatever they are called and say", async () => {
    const escaped = Array.from({ length: 10 }, (_, at) => `A-${at}: v${"\x01".repeat(1000)}v`);
    const named = Array.from({ length: 10 }, (_, at) => `B-${at}-${"n".repeat(3000)}: v`);
    const result = await answerTo(http("200 OK", [...escaped, ...named, "Z-Last: short", "Content-Length: 0"]));
    const { headers = {} } = result.response ?? {};
    expect(Buffer.byteLength(JSON.stringify(headers))).toBeLessThanOrEqual(RESPONSE_BODY_MAX_BYTES);
    expect(
      Object.keys(headers)
        .toSorted()
        .map((name) => name.slice(0, 4)),
    ).toEqual([...["a-0", "a-1", "b-0-", "cont", "z-la"]]);
    expect(headers).toMatchObject({ "z-last": "short", "content-length": "0" });
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
