import { expect, it } from "vitest";
import { decodeBase64Url, encodeBase64Url } from "../../src/core/base64.ts";
import { newSourceToken, tenantOfToken } from "../../src/core/source-token.ts";

const KEY = "the key that seals tokens";
const random = (fill: number) => new Uint8Array(16).fill(fill);

it.each(["default", "a", "0-customer-7", "x".repeat(63)])("a token says whose it is: %s", async (tenant) => {
  const token = await newSourceToken(KEY, tenant, random(1));
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(await tenantOfToken(KEY, token)).toBe(tenant);
});

it("has 128 random bits, and no fewer", async () => {
  const tokens = await Promise.all([0, 1, 2].map((fill) => newSourceToken(KEY, "default", random(fill))));
  expect(new Set(tokens).size).toBe(3);
  for (const [fill, token] of tokens.entries()) expect(decodeBase64Url(token)?.slice(0, 16)).toEqual(random(fill));
  await expect(newSourceToken(KEY, "default", new Uint8Array(15))).rejects.toThrow(/16 random bytes/);
});

it("is worth nothing when a bit of it is changed, or made with another key", async () => {
  const token = await newSourceToken(KEY, "default", random(7));
  const bytes = decodeBase64Url(token) ?? new Uint8Array();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await tenantOfToken(KEY, encodeBase64Url(changed)), `bit ${bit}`).toBeNull();
  }
  expect(await tenantOfToken(`${KEY}.`, token)).toBeNull();
});

it.each(["", "x", "default", "A".repeat(42), "A".repeat(43), "A".repeat(5000), "é", "..", "%2e"])(
  "nonsense is nobody's: %s",
  async (text) => {
    expect(await tenantOfToken(KEY, text)).toBeNull();
  },
);

it("of a name that no tenant can have is nobody's either", async () => {
  expect(await tenantOfToken(KEY, await newSourceToken(KEY, "*", random(1)))).toBeNull();
});
