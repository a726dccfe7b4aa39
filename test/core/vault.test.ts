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

  it("refuses a ciphertext moved under the name of another key", async () => {
    const vault = await vaultOf(keyOf(1), keyOf(2));
    const ciphertext = await vault.encrypt("secret", nonce());
    const moved = ciphertext.replace(vault.keyId, vault.previousKeyId ?? "");
    await expect(vault.decrypt(moved)).rejects.toThrow("changed");
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
