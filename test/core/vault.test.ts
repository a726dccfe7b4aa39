import { createDecipheriv, createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openVault, type Vault } from "../../src/core/vault.ts";

const keyOf = (fill: number, bytes = 32): string => Buffer.alloc(bytes, fill).toString("base64");
const nonce = (fill = 7): Uint8Array => new Uint8Array(12).fill(fill);

async function vaultOf(key: string, previous?: string): Promise<Vault> {
  const opened = await openVault({ key, previous });
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

describe("vault", () => {
  it("decrypts what it encrypted, any text", async () => {
    const vault = await vaultOf(keyOf(1));
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary" }),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        async (text, random) => {
          const ciphertext = await vault.encrypt(text.toWellFormed(), random);
          expect(ciphertext).toMatch(new RegExp(`^v1\\.${vault.keyId}\\.[A-Za-z0-9_-]+$`));
          expect(await vault.decrypt(ciphertext)).toBe(text.toWellFormed());
        },
      ),
    );
  });

  it("writes AES-256-GCM: version and key id authenticated, nonce and tag around the ciphertext", async () => {
    const ciphertext = await (await vaultOf(keyOf(1))).encrypt("Käse", nonce(9));
    const [version, id, text = ""] = ciphertext.split(".");
    const bytes = Buffer.from(text, "base64url");
    const key = Buffer.alloc(32, 1);
    expect(version).toBe("v1");
    expect(id).toBe(createHash("sha256").update(key).digest("hex").slice(0, 8));
    expect(bytes.subarray(0, 12)).toEqual(Buffer.alloc(12, 9));
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
    decipher.setAAD(Buffer.from(`v1.${id}`)).setAuthTag(bytes.subarray(-16));
    expect(decipher.update(bytes.subarray(12, -16), undefined, "utf8") + decipher.final("utf8")).toBe("Käse");
  });

  it("keeps a byte order mark at the beginning of a text", async () => {
    const vault = await vaultOf(keyOf(1));
    expect(await vault.decrypt(await vault.encrypt("\ufeffx", nonce()))).toBe("\ufeffx");
  });

  it("names its key by the key's hash", async () => {
    expect((await vaultOf(keyOf(0))).keyId).toBe("66687aad");
    expect(await vaultOf(keyOf(0), keyOf(1))).toMatchObject({ keyId: "66687aad", previousKeyId: "72cd6e84" });
    expect((await vaultOf(keyOf(0))).previousKeyId).toBeNull();
  });

  it("decrypts with the previous key, and encrypts with the current one", async () => {
    const before = await vaultOf(keyOf(1));
    const ciphertext = await before.encrypt("secret", nonce());
    const after = await vaultOf(keyOf(2), keyOf(1));
    expect(await after.decrypt(ciphertext)).toBe("secret");
    expect(await after.encrypt("secret", nonce())).toContain(`v1.${after.keyId}.`);
    await expect((await vaultOf(keyOf(2))).decrypt(ciphertext)).rejects.toThrow("not configured");
  });

  it("refuses a ciphertext that was changed anywhere", async () => {
    const vault = await vaultOf(keyOf(1), keyOf(2));
    const ciphertext = await vault.encrypt("secret", nonce());
    await fc.assert(
      fc.asyncProperty(fc.nat(ciphertext.length - 1), fc.constantFrom(..."Ab0_-.v"), async (at, character) => {
        fc.pre(ciphertext[at] !== character);
        const changed = ciphertext.slice(0, at) + character + ciphertext.slice(at + 1);
        await expect(vault.decrypt(changed)).rejects.toThrow(
          /^(not a ciphertext|encrypted with a key|the ciphertext was)/,
        );
      }),
    );
  });

  it.each(["", "v1", "v1..", "v2.66687aad.AAAA", "v1.66687aad.AAAA.x", "plain text", "v1.66687aad.AAAA"])(
    "refuses %j",
    async (text) => {
      await expect((await vaultOf(keyOf(0))).decrypt(text)).rejects.toThrow("not a ciphertext");
    },
  );

  it("refuses a nonce of another length", async () => {
    await expect((await vaultOf(keyOf(0))).encrypt("x", new Uint8Array(16))).rejects.toThrow("12 bytes");
  });

  it.each([
    "",
    "x",
    keyOf(1, 31),
    keyOf(1, 33),
    keyOf(1).replace("=", ""),
    `${keyOf(1)}\n`,
    keyOf(255).replaceAll("/", "_"),
  ])("names the variable whose value is malformed, not the value: %j", async (bad) => {
    expect(await openVault({ key: bad })).toEqual({ ok: false, error: "SLUICE_ENCRYPTION_KEY" });
    expect(await openVault({ key: keyOf(1), previous: bad })).toEqual({
      ok: false,
      error: "SLUICE_ENCRYPTION_KEY_PREVIOUS",
    });
  });
});
