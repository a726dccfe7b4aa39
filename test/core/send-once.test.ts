import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BATCH_SEND_MAX_BYTES, SENDS_PER_DELIVERER_MAX } from "../../src/core/limits.ts";
import { formatSecret } from "../../src/core/secret.ts";
import type { OpenTarget } from "../../src/delivery/open-target.ts";
import { sendOnce } from "../../src/delivery/send.ts";
import type { Send } from "../../src/subscription/rpc.ts";
import { partOf, sendOf } from "../support/send.ts";

const NOW = Date.UTC(2026, 10, 23, 10);
const NEWEST = new Uint8Array(32).fill(1);
const OLDER = new Uint8Array(32).fill(2);

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let received: Received[];

beforeEach(() => {
  received = [];
  vi.useFakeTimers({ toFake: ["Date"], now: NOW });
  vi.stubGlobal("fetch", async (_: string, { headers, body }: { headers: HeadersInit; body: Uint8Array }) => {
    received.push({ headers: Object.fromEntries(new Headers(headers)), body: new TextDecoder().decode(body) });
    return new Response(null, { status: 204 });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const targetOf = (secrets: OpenTarget["secrets"]): OpenTarget => ({ ...partOf([]).target, headers: {}, secrets });
const newestOnly = targetOf([{ key: NEWEST, expiresAt: null }]);

/** What a subscriber gets, and what the deliverer made of its answer. */
async function sent(send: Send, target: OpenTarget) {
  const options = { now: () => Date.now(), allowPrivate: true, version: "9.9.9", startBy: Date.now() };
  const result = await sendOnce(send, target, options);
  const [request] = received.splice(0);
  if (request === undefined) throw new Error("nothing was sent");
  return { result, ...request };
}

function verifies({ headers, body }: Received, key: Uint8Array): boolean {
  try {
    new StandardWebhook(formatSecret(key)).verify(body, headers);
    new SvixWebhook(formatSecret(key)).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

const batchOf = (...texts: string[]): Send => {
  const events = texts.map((text, index) => sendOf({ offset: index + 4, data: new TextEncoder().encode(text) }).event);
  return { ...sendOf({ offset: 4 }, { lease: 7 }), batch: { id: "bat_01m83s6n4edwsgxzxfe87gttww", events } };
};

describe("one send", () => {
  it("of a batch is one signed request with its id, and one result named by the first event", async () => {
    const { result, ...request } = await sent(batchOf("1.0", "9007199254740993"), newestOnly);
    const member = (data: string) => `{"type":"order.paid","timestamp":"2026-11-23T10:00:00.000Z","data":${data}}`;
    expect(request.body).toBe(`[${member("1.0")},${member("9007199254740993")}]`);
    expect(request.headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": "bat_01m83s6n4edwsgxzxfe87gttww",
      "sluice-batch-size": "2",
      "sluice-offset": "4",
    });
    expect(verifies(request, NEWEST)).toBe(true);
    expect(verifies({ ...request, headers: { ...request.headers, "webhook-id": "bat_1" } }, NEWEST)).toBe(false);
    expect(result).toMatchObject({
      ...{ kind: "answered", lease: 7, offset: 4, statusCode: 204, error: null },
      bodyBytes: request.body.length,
    });
  });

  it("has the headers of its event, over which custom ones win, and over these its own", async () => {
    const kept = {
      "x-github-event": "push",
      "x-team": "theirs",
      "webhook-id": "theirs",
      "content-type": "a/b",
      host: "h",
    };
    const target: OpenTarget = { ...newestOnly, format: "raw", headers: { "x-team": "ours" } };
    const { headers, ...rest } = await sent(sendOf({ headers: kept, contentType: "text/plain" }), target);
    expect(headers).toMatchObject({
      ...{ "x-github-event": "push", "x-team": "ours", "content-type": "text/plain", "webhook-id": sendOf().event.id },
    });
    expect(headers).not.toHaveProperty("host");
    expect(verifies({ headers, ...rest }, NEWEST)).toBe(true);
  });

  it("of a CloudEvent in binary mode has no line that an attribute made", async () => {
    const cloudEvent = { id: "1", dataSchema: null, time: null, extensions: { partitionkey: "k\r\nx-forged: 1" } };
    const event = { type: "a\u2028b", source: "/s", key: "k\r\nx-forged: 1", cloudEvent };
    const { headers, ...rest } = await sent(sendOf(event), { ...newestOnly, format: "cloudevents-binary" });
    expect(headers).toMatchObject({
      ...{
        "ce-type": "a%E2%80%A8b",
        "ce-partitionkey": "k%0D%0Ax-forged:%201",
        "sluice-key": "k%0D%0Ax-forged%3A%201",
      },
    });
    expect(headers).not.toHaveProperty("x-forged");
    expect(verifies({ headers, ...rest }, NEWEST)).toBe(true);
  });

  it("is signed with every secret in its grace, and from its end with the newest alone", async () => {
    const target = targetOf([
      { key: NEWEST, expiresAt: null },
      { key: OLDER, expiresAt: NOW + 1000 },
    ]);
    vi.setSystemTime(NOW + 999);
    const during = await sent(sendOf(), target);
    expect([verifies(during, NEWEST), verifies(during, OLDER)]).toEqual([true, true]);
    // Of the same lease, whose part still holds the older one.
    vi.setSystemTime(NOW + 1000);
    const after = await sent(sendOf({}, { attempt: 2, trigger: "retry" }), target);
    expect([verifies(after, NEWEST), verifies(after, OLDER)]).toEqual([true, false]);
    expect(after.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
  });

  it("with a header that HTTP cannot carry is refused, not called a lost connection", async () => {
    const options = { now: () => Date.now(), allowPrivate: true, version: "9.9.9", startBy: Date.now() };
    const broken = { ...newestOnly, headers: { "x-team": "a\nb" } };
    expect(await sendOnce(sendOf({}), broken, options)).toMatchObject({
      ...{ kind: "failed", statusCode: null, bodyBytes: 0 },
      error: { code: "denied", message: expect.stringContaining("is not valid HTTP") },
    });
    expect(received).toEqual([]);
  });

  it("may be one of as many of the largest batches as a deliverer sends at once", async () => {
    const text = `"${"x".repeat(BATCH_SEND_MAX_BYTES / 4 - 2)}"`;
    const options = { now: () => Date.now(), allowPrivate: true, version: "9.9.9", startBy: Date.now() };
    const results = await Promise.all(
      Array.from({ length: SENDS_PER_DELIVERER_MAX }, () =>
        sendOnce(batchOf(text, text, text, text), newestOnly, options),
      ),
    );
    expect(results.map(({ kind }) => kind)).toEqual(Array(SENDS_PER_DELIVERER_MAX).fill("answered"));
    for (const request of received) expect(verifies(request, NEWEST)).toBe(true);
    expect(received).toHaveLength(SENDS_PER_DELIVERER_MAX);
  });
});
