import { decodeBase64 } from "../core/base64.ts";
import { SECRET_MAX_BYTES, SECRET_MIN_BYTES } from "../core/limits.ts";
import { parseSecret } from "../core/secret.ts";
import { beginsWith, type Credentials, type Incoming, type Provider, type Refusal } from "./provider.ts";
import { base64, hmac, isTimely, parseSeconds, signedByAny } from "./signatures.ts";

const SECRET_PREFIX = "whsec_";
const SIGNATURE_PREFIX = "v1,";

/** The key in a secret; of a text that is none an empty one, which WebCrypto refuses. Secrets are checked when they come. */
const keyOf = (secret: string): Uint8Array => decodeBase64(secret.slice(SECRET_PREFIX.length)) ?? new Uint8Array();

/**
 * Standard Webhooks: `webhook-signature` holds, with spaces between, `v1,<base64>` once or more: HMAC-SHA256 of
 * `webhook-id.webhook-timestamp.body`. Other versions (`v1a`) are passed over.
 */
export async function verifyStandardWebhook(
  { bytes, headers }: Incoming,
  { secrets }: Pick<Credentials, "secrets">,
  nowSeconds: number,
): Promise<Refusal | null> {
  const id = headers.get("webhook-id");
  const time = headers.get("webhook-timestamp");
  const signatures = headers.get("webhook-signature");
  if (!id || time === null || signatures === null) return "missing";
  const seconds = parseSeconds(time);
  if (seconds === null) return "malformed";
  const given = signatures.split(" ").filter((one) => one.startsWith(SIGNATURE_PREFIX));
  const sign = async (secret: string) =>
    SIGNATURE_PREFIX + base64(await hmac("SHA-256", keyOf(secret), `${id}.${time}.`, bytes));
  if (!(await signedByAny(given, secrets, sign))) return "mismatch";
  return isTimely(seconds, nowSeconds) ? null : "timestamp";
}

export const standardWebhooks: Provider = {
  signs: true,
  refusedSecret: (secret) =>
    parseSecret(secret).ok
      ? null
      : `must be whsec_ and standard base64 of ${SECRET_MIN_BYTES} to ${SECRET_MAX_BYTES} bytes`,
  verify: verifyStandardWebhook,
  eventName: ({ content }) => content.at(["type"]),
  deliveryId: ({ headers }) => headers.get("webhook-id"),
  keeps: beginsWith("webhook-"),
  accepted: null,
};
