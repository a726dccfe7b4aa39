import fc from "fast-check";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { formatSecret, parseSecret } from "../../src/core/secret.ts";
import { keysAt, signStandardWebhook } from "../../src/core/signature.ts";

const NOW_SECONDS = 1_614_265_330;
const id = "evt_01hzy7k8m9";

const keyOf = (text: string): Uint8Array => {
  const secret = parseSecret(text);
  if (!secret.ok) throw new Error("not a secret");
  return secret.value;
};

const headersOf = (signature: string, timestampSeconds = NOW_SECONDS) => ({
  "webhook-id": id,
  "webhook-timestamp": String(timestampSeconds),
  "webhook-signature": signature,
});

const key = fc.uint8Array({ minLength: 24, maxLength: 64 });

describe("signature", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOW_SECONDS * 1000 });
    return () => vi.useRealTimers();
  });

  it("is that of the official vector (G02)", async () => {
    const signature = await signStandardWebhook({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestampSeconds: 1_614_265_330,
      body: new TextEncoder().encode('{"test": 2432232314}'),
      secrets: [keyOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    });
    expect(signature).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("verifies with both official libraries for every JSON body, under each live secret", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), key, key, async (json, newest, oldest) => {
        const body = new TextEncoder().encode(json);
        const signature = await signStandardWebhook({
          id,
          timestampSeconds: NOW_SECONDS,
          body,
          secrets: [newest, oldest],
        });
        for (const secret of [newest, oldest]) {
          new StandardWebhook(formatSecret(secret)).verify(json, headersOf(signature));
          new SvixWebhook(formatSecret(secret)).verify(json, headersOf(signature));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("signs bytes, not text: also those that are no UTF-8, and a byte order mark", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), key, async (body, secret) => {
        const { createHmac } = await import("node:crypto");
        const expected = createHmac("sha256", secret).update(`${id}.${NOW_SECONDS}.`).update(body).digest("base64");
        const input = { id, timestampSeconds: NOW_SECONDS, body, secrets: [secret] };
        expect(await signStandardWebhook(input)).toBe(`v1,${expected}`);
      }),
    );
  });

  it("does not verify with another subscription's secret (G13), another id or another body", async () => {
    const mine = new Uint8Array(32).fill(1);
    const other = new Uint8Array(32).fill(2);
    const body = new TextEncoder().encode("{}");
    const signature = await signStandardWebhook({ id, timestampSeconds: NOW_SECONDS, body, secrets: [mine] });
    const verify = (secret: Uint8Array, payload: string, headers: Record<string, string>) =>
      new StandardWebhook(formatSecret(secret)).verify(payload, headers);
    expect(verify(mine, "{}", headersOf(signature))).toEqual({});
    expect(() => verify(other, "{}", headersOf(signature))).toThrow("No matching signature");
    expect(() => verify(mine, "{} ", headersOf(signature))).toThrow("No matching signature");
    expect(() => verify(mine, "{}", { ...headersOf(signature), "webhook-id": "evt_x" })).toThrow(
      "No matching signature",
    );
  });

  it("is only good for a fresh timestamp in seconds (G03, G04)", async () => {
    const secrets = [new Uint8Array(32)];
    const body = new TextEncoder().encode("{}");
    const stale = NOW_SECONDS - 301;
    const signature = await signStandardWebhook({ id, timestampSeconds: stale, body, secrets });
    expect(() =>
      new StandardWebhook(formatSecret(new Uint8Array(32))).verify("{}", headersOf(signature, stale)),
    ).toThrow("too old");
  });
});

describe("the secrets that sign (API clause 5.6)", () => {
  const secretAt = (expiresAt: number | null, id = 0) => ({ key: new Uint8Array([id]), expiresAt });

  it("are the newest and those in their grace, to the millisecond", () => {
    const [newest, older, oldest] = [secretAt(null, 1), secretAt(2000, 2), secretAt(1000, 3)] as const;
    const at = (nowMs: number) => keysAt([newest, older, oldest], nowMs).map(([id]) => id);
    expect(at(999)).toEqual([1, 2, 3]);
    expect(at(1000)).toEqual([1, 2]);
    expect(at(1999)).toEqual([1, 2]);
    expect(at(2000)).toEqual([1]);
  });

  it("always include the newest, never one whose grace has ended, and keep their order", () => {
    const secret = fc.option(fc.integer({ min: 0, max: 100 }), { nil: null });
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 100 }), (ends, nowMs) => {
        const secrets = ends.map((expiresAt, index) => secretAt(expiresAt, index));
        const signing = keysAt(secrets, nowMs).map(([id]) => id);
        expect(signing[0]).toBe(0);
        expect(signing).toEqual([...signing].sort());
        for (const [index, end] of ends.entries()) {
          if (index > 0) expect(signing.includes(index)).toBe(end === null || end > nowMs);
        }
      }),
    );
  });

  it("are all in the signature, and only they", async () => {
    const body = new TextEncoder().encode("{}");
    const secrets = [secretAt(null, 1), secretAt(2000, 2)];
    const signed = (nowMs: number) =>
      signStandardWebhook({ id, timestampSeconds: NOW_SECONDS, body, secrets: keysAt(secrets, nowMs) });
    expect((await signed(1999)).split(" ")).toHaveLength(2);
    expect((await signed(2000)).split(" ")).toHaveLength(1);
    expect((await signed(1999)).startsWith(await signed(2000))).toBe(true);
  });
});
