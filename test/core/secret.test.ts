import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSecret, parseSecret } from "../../src/core/secret.ts";

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 0xfb).toString("base64")}`;

describe("signing secrets (K01)", () => {
  it.each([24, 25, 32, 63, 64])("takes %i bytes", (bytes) => {
    const parsed = parseSecret(secretOf(bytes));
    expect(parsed).toEqual({ ok: true, value: new Uint8Array(bytes).fill(0xfb) });
  });

  it.each([
    ["empty", ""],
    ["prefix alone", "whsec_"],
    ["no prefix", Buffer.alloc(32).toString("base64")],
    ["other case of the prefix", secretOf(32).replace("whsec_", "WHSEC_")],
    ["other prefix", secretOf(32).replace("whsec_", "whpk_")],
    ["5 bytes", secretOf(5)],
    ["23 bytes", secretOf(23)],
    ["65 bytes", secretOf(65)],
    ["not base64", `whsec_${"!".repeat(44)}`],
    ["base64url alphabet", secretOf(33).replaceAll("+", "-").replaceAll("/", "_")],
    ["missing padding", secretOf(32).replace("=", "")],
    ["padding too many", `${secretOf(30)}=`],
    ["unused bits set", secretOf(32).replace(/.=$/, "9=")],
    ["white space inside", secretOf(33).replace("whsec_", "whsec_ ")],
    ["line end", `${secretOf(33)}\n`],
  ])("refuses %s without repeating it", (_, text) => {
    const parsed = parseSecret(text);
    expect(parsed).toMatchObject({ ok: false, error: { code: "invalid", errors: [{ pointer: "#/secret" }] } });
    if (text.length > 20) expect(JSON.stringify(parsed)).not.toContain(text.trim().slice(6, 30));
  });

  it("reads what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        expect(parseSecret(formatSecret(bytes))).toEqual({ ok: true, value: bytes });
      }),
    );
  });
});
