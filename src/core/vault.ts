import { decodeBase64, decodeBase64Url, encodeBase64Url } from "./base64.ts";
import { err, ok, type Result } from "./result.ts";

const KEY_BYTES = 32;
/** The nonce length AES-GCM is made for (NIST SP 800-38D). */
export const VAULT_NONCE_BYTES = 12;
const VERSION = "v1";

/** Encrypts what is stored but must not be readable in storage: signing secrets and custom header values. */
export interface Vault {
  /** First 8 hexadecimal digits of the key's SHA-256: says which key a ciphertext needs without telling the key. */
  readonly keyId: string;
  readonly previousKeyId: string | null;
  /** @param random12 twelve fresh random bytes; used twice under one key they would give the plaintexts away. */
  encrypt(plaintext: string, random12: Uint8Array): Promise<string>;
  /** Throws VaultError when the text is not a ciphertext of either key; its message holds neither text nor key. */
  decrypt(ciphertext: string): Promise<string>;
}

export class VaultError extends Error {
  override readonly name = "VaultError";
}

interface VaultKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * Opens the vault with the key that encrypts, and the one before it, which only decrypts (a rotation).
 *
 * @param keys standard base64 of 32 bytes each.
 * @returns the name of the malformed configuration variable as the error; never its value.
 */
export async function openVault(keys: { key: string; previous?: string | undefined }): Promise<Result<Vault, string>> {
  const current = await importKey(keys.key);
  if (current === null) return err("SLUICE_ENCRYPTION_KEY");
  if (keys.previous === undefined) return ok(vaultOf(current, null));
  const previous = await importKey(keys.previous);
  return previous === null ? err("SLUICE_ENCRYPTION_KEY_PREVIOUS") : ok(vaultOf(current, previous));
}

async function importKey(text: string): Promise<VaultKey | null> {
  const bytes = decodeBase64(text);
  if (bytes === null || bytes.length !== KEY_BYTES) return null;
  const [digest, key] = await Promise.all([
    crypto.subtle.digest("SHA-256", bytes),
    crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
  ]);
  const id = [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id, key };
}

function vaultOf(current: VaultKey, previous: VaultKey | null): Vault {
  const keys = new Map([previous, current].flatMap((one) => (one === null ? [] : [[one.id, one.key]])));
  return {
    keyId: current.id,
    previousKeyId: previous?.id ?? null,
    encrypt: (plaintext, random12) => encrypt(current, plaintext, random12),
    decrypt: (ciphertext) => decrypt(keys, ciphertext),
  };
}

/** `v1.<key id>.<base64url of nonce and ciphertext>`; the first two parts are authenticated with the rest. */
async function encrypt({ id, key }: VaultKey, plaintext: string, random12: Uint8Array): Promise<string> {
  if (random12.length !== VAULT_NONCE_BYTES) throw new VaultError(`the nonce must have ${VAULT_NONCE_BYTES} bytes`);
  const nonce = Uint8Array.from(random12);
  const head = `${VERSION}.${id}`;
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt(algorithm(nonce, head), key, new TextEncoder().encode(plaintext)),
  );
  const bytes = new Uint8Array(nonce.length + sealed.length);
  bytes.set(nonce);
  bytes.set(sealed, nonce.length);
  return `${head}.${encodeBase64Url(bytes)}`;
}

async function decrypt(keys: ReadonlyMap<string, CryptoKey>, ciphertext: string): Promise<string> {
  const [version, id = "", text = "", ...rest] = ciphertext.split(".");
  const bytes = decodeBase64Url(text);
  if (version !== VERSION || rest.length > 0 || bytes === null || bytes.length < VAULT_NONCE_BYTES) {
    throw new VaultError("not a ciphertext of this gateway");
  }
  const key = keys.get(id);
  if (key === undefined) throw new VaultError("encrypted with a key that is not configured");
  try {
    const nonce = bytes.subarray(0, VAULT_NONCE_BYTES);
    const sealed = bytes.subarray(VAULT_NONCE_BYTES);
    const plaintext = await crypto.subtle.decrypt(algorithm(nonce, `${VERSION}.${id}`), key, sealed);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    throw new VaultError("the ciphertext was changed");
  }
}

const algorithm = (nonce: Uint8Array<ArrayBuffer>, head: string) => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: new TextEncoder().encode(head),
});
