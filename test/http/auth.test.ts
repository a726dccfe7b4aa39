import { describe, expect, test } from "vitest";
import { authenticate, authorize, type Scope, tenantOf } from "../../src/http/auth.ts";
import { ROOT_KEY } from "../support/http-env.ts";

describe("the Authorization header", () => {
  test.each([`Bearer ${ROOT_KEY}`, `bearer ${ROOT_KEY}`, `BEARER  ${ROOT_KEY}`])("%j is let in", (header) => {
    expect(authenticate(header, ROOT_KEY)).toEqual({ ok: true, value: { tenant: null, scopes: ["admin"] } });
  });

  test.each([
    null,
    "",
    "Bearer",
    "Bearer ",
    ROOT_KEY,
    `Basic ${ROOT_KEY}`,
    `Bearer ${ROOT_KEY}x`,
    `Bearer ${ROOT_KEY.slice(0, -1)}`,
    `Bearer ${ROOT_KEY.toUpperCase()}`,
    `Bearer\t${ROOT_KEY}`,
    `Bearer ${ROOT_KEY} `,
    `Bearer ${ROOT_KEY}, Bearer ${ROOT_KEY}`,
    `Bearer ${ROOT_KEY}\u0000`,
    `Bearer ${"k".repeat(1_000_000)}`,
  ])("%.60j is not", (header) => {
    const refused = authenticate(header, ROOT_KEY);
    expect(refused).toMatchObject({ ok: false, error: { code: "unauthenticated" } });
    if (!refused.ok) expect(refused.error.detail).not.toContain(ROOT_KEY);
  });
});

describe("scopes", () => {
  const all: readonly Scope[] = ["read", "publish", "manage", "admin"];
  test.each<[Scope, readonly Scope[]]>([
    ["read", ["read"]],
    ["publish", ["publish"]],
    ["manage", ["read", "manage"]],
    ["admin", all],
  ])("%s allows %j", (scope, allowed) => {
    for (const needed of all) {
      const outcome = authorize({ tenant: null, scopes: [scope] }, needed);
      expect([needed, outcome.ok]).toEqual([needed, allowed.includes(needed)]);
      if (!outcome.ok)
        expect(outcome.error).toMatchObject({ code: "forbidden", detail: expect.stringContaining(needed) });
    }
  });
});

describe("the tenant of a request", () => {
  const forAll = { tenant: null, scopes: ["admin"] } as const;
  test("is the header's with a key for all, by default `default`", () => {
    expect(tenantOf(forAll, "acme-2")).toEqual({ ok: true, value: "acme-2" });
    expect(tenantOf(forAll, null)).toEqual({ ok: true, value: "default" });
  });

  test("is the key's own, whatever the header says", () => {
    expect(tenantOf({ tenant: "acme", scopes: ["read"] }, "other")).toEqual({ ok: true, value: "acme" });
  });

  test.each(["", "*", "-a", "A", "a_b", "a.b", "a/b", "a".repeat(64), "ä", "a, b"])("is refused as %j", (header) => {
    expect(tenantOf(forAll, header)).toMatchObject({ ok: false, error: { code: "invalid" } });
  });
});
