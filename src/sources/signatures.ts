import { encodeBase64 } from "../core/base64.ts";
import { constantTimeEqual } from "../core/constant-time.ts";
import { SIGNATURE_TOLERANCE_SECONDS, SIGNATURES_MAX } from "../core/limits.ts";

/** HMAC of the parts, one after the other; texts as UTF-8. */
export async function hmac(
  hash: "SHA-256" | "SHA-1" | "SHA-512",
  secret: string | Uint8Array,
  ...parts: readonly (string | Uint8Array)[]
): Promise<Uint8Array> {
  // A copy: the types of WebCrypto want bytes that nobody shares.
  const raw = Uint8Array.from(bytesOf(secret));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash }, false, ["sign"]);
  const pieces = parts.map(bytesOf);
  const content = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    content.set(piece, at);
    at += piece.length;
  }
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, content));
}

/** Lower case, as every provider here writes it. */
export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const base64 = encodeBase64;

/**
 * Whether one of the signatures given is what one of the secrets makes. Everything is compared with everything, in a time
 * that tells nothing; the texts must be equal to the letter, so upper case or anything around a signature is another one.
 */
export async function signedByAny(
  given: readonly string[],
  secrets: readonly string[],
  sign: (secret: string) => Promise<string>,
): Promise<boolean> {
  let found = false;
  for (const secret of secrets) {
    const expected = await sign(secret);
    for (const one of given.slice(0, SIGNATURES_MAX)) found = constantTimeEqual(one, expected) || found;
  }
  return found;
}

/** Unix seconds as they are signed: digits and nothing else. null for a time in milliseconds as well: too many digits. */
export const parseSeconds = (text: string): number | null => (/^\d{1,11}$/.test(text) ? Number(text) : null);

/** At most SIGNATURE_TOLERANCE_SECONDS away, in the past or in the future. */
export const isTimely = (seconds: number, nowSeconds: number): boolean =>
  Math.abs(nowSeconds - seconds) <= SIGNATURE_TOLERANCE_SECONDS;

const bytesOf = (part: string | Uint8Array): Uint8Array =>
  typeof part === "string" ? new TextEncoder().encode(part) : part;
