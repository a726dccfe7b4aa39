import { decodeBase64Url, encodeBase64Url } from "./base64.ts";
import { constantTimeEqual } from "./constant-time.ts";
import { parseTenant } from "./names.ts";

/**
 * The token in a source's URL: base64url of 16 random bytes, a 16-byte seal over them and the tenant, and the tenant.
 *
 * The random bytes are what nobody can guess. The tenant says which Directory knows the source. The seal is made with a
 * key of the gateway: without it, whoever sends nonsense could bring objects of invented tenants into being.
 */

export const SOURCE_TOKEN_RANDOM_BYTES = 16;
const SEAL_BYTES = 16;
const HEAD_BYTES = SOURCE_TOKEN_RANDOM_BYTES + SEAL_BYTES;

/** @param key of the gateway, text. */
export async function newSourceToken(key: string, tenant: string, random: Uint8Array): Promise<string> {
  if (random.length !== SOURCE_TOKEN_RANDOM_BYTES) {
    throw new RangeError(`a token takes ${SOURCE_TOKEN_RANDOM_BYTES} random bytes`);
  }
  const name = new TextEncoder().encode(tenant);
  const token = new Uint8Array(HEAD_BYTES + name.length);
  token.set(random);
  token.set(await sealOf(key, random, name), random.length);
  token.set(name, HEAD_BYTES);
  return encodeBase64Url(token);
}

/** The tenant of a token that this gateway made; null for any other text. */
export async function tenantOfToken(key: string, token: string): Promise<string | null> {
  const bytes = decodeBase64Url(token);
  if (bytes === null || bytes.length <= HEAD_BYTES) return null;
  const random = bytes.subarray(0, SOURCE_TOKEN_RANDOM_BYTES);
  const seal = bytes.subarray(SOURCE_TOKEN_RANDOM_BYTES, HEAD_BYTES);
  const name = bytes.subarray(HEAD_BYTES);
  if (!constantTimeEqual(seal, await sealOf(key, random, name))) return null;
  const tenant = parseTenant(new TextDecoder().decode(name));
  return tenant.ok ? tenant.value : null;
}

async function sealOf(key: string, random: Uint8Array, tenant: Uint8Array): Promise<Uint8Array> {
  const raw = new TextEncoder().encode(key);
  const hmac = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const content = new Uint8Array(random.length + tenant.length);
  content.set(random);
  content.set(tenant, random.length);
  return new Uint8Array(await crypto.subtle.sign("HMAC", hmac, content)).subarray(0, SEAL_BYTES);
}
