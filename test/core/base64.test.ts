import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "../../src/core/base64.ts";

describe("base64", () => {
  it("writes what Node writes, and reads it back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(encodeBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
        expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(bytes);
      }),
    );
  });

  it("takes more bytes than a call takes arguments", () => {
    const bytes = new Uint8Array(1_000_003).map((_, at) => at % 251);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  });

  it.each(["A", "AA", "AA=", "AB==", "AA==\n", " AA==", "A-A=", "====", "AAA=AAAA"])("standard: refuses %j", (text) => {
    expect(decodeBase64(text)).toBeNull();
  });

  it.each(["A", "AB", "AA==", "A+A", "AA\n"])("URL: refuses %j", (text) => {
    expect(decodeBase64Url(text)).toBeNull();
  });
});
