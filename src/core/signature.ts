import { encodeBase64 } from "./base64.ts";

/** A secret that was live when its send was leased. */
export interface SigningSecret {
  readonly key: Uint8Array;
  /** Unix ms of the end of its grace, when a newer one took its place; null: it has none. */
  readonly expiresAt: number | null;
}

const encoder = new TextEncoder();

/** The keys that sign at a moment: the newest, and each older one until its grace ends (API clause 5.6). */
export const keysAt = (newestFirst: readonly SigningSecret[], nowMs: number): readonly Uint8Array[] =>
  newestFirst
    .filter(({ expiresAt }, index) => index === 0 || expiresAt === null || expiresAt > nowMs)
    .map(({ key }) => key);

export interface SignatureInput {
  /** `webhook-id`; holds no dot, which would make the signed content ambiguous. */
  readonly id: string;
  /** `webhook-timestamp`: whole Unix seconds of this attempt. */
  readonly timestampSeconds: number;
  /** The body as it goes over the wire. */
  readonly body: Uint8Array;
  /** Keys of every live secret, newest first. */
  readonly secrets: readonly Uint8Array[];
}

/**
 * The `webhook-signature` header of Standard Webhooks: one `v1,<base64>` per secret, separated by spaces, each the
 * HMAC-SHA256 of `id.timestamp.body`. The body is signed as bytes: decoded to a string and back, invalid UTF-8 and a
 * byte order mark would be other bytes than those sent.
 */
export async function signStandardWebhook({ id, timestampSeconds, body, secrets }: SignatureInput): Promise<string> {
  const head = encoder.encode(`${id}.${timestampSeconds}.`);
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  const signatures = await Promise.all(secrets.map((secret) => hmacSha256(secret, content)));
  return signatures.map((signature) => `v1,${encodeBase64(signature)}`).join(" ");
}

async function hmacSha256(secret: Uint8Array, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await importedKey(secret), content));
}

/** Of the keys that are still in use: importing one costs as much as signing with it. */
const imported = new WeakMap<Uint8Array, Promise<CryptoKey>>();

function importedKey(secret: Uint8Array): Promise<CryptoKey> {
  const known = imported.get(secret);
  if (known !== undefined) return known;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = crypto.subtle.importKey("raw", Uint8Array.from(secret), algorithm, false, ["sign"]);
  imported.set(secret, key);
  return key;
}
