import { constantTimeEqual } from "../core/constant-time.ts";
import { parseSecret } from "../core/secret.ts";
import type { Provider } from "./provider.ts";
import { verifyStandardWebhook } from "./standard-webhooks.ts";

const TOKEN_HEADER = "x-gitlab-token";

/** A token of the newer kind never leaves GitLab, so it is never taken for one that is sent along. */
const isSigningToken = (secret: string): boolean => secret.startsWith("whsec_");

/**
 * GitLab: the secret token itself in `X-Gitlab-Token`; or, where a signing token (`whsec_...`) is set, the signature of
 * Standard Webhooks. A source may have secrets of both kinds, and then either is enough.
 */
export const gitlab: Provider = {
  signs: true,
  refusedSecret(secret) {
    if (isSigningToken(secret)) return parseSecret(secret).ok ? null : "must be a signing token: whsec_ and base64";
    return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret)
      ? null
      : "must be printable ASCII without spaces around it, as a header carries it";
  },
  async verify(incoming, { secrets }, nowSeconds) {
    const token = incoming.headers.get(TOKEN_HEADER);
    const tokens = secrets.filter((secret) => !isSigningToken(secret));
    const signing = secrets.filter(isSigningToken);
    let found = false;
    for (const secret of tokens) found = (token !== null && constantTimeEqual(token, secret)) || found;
    if (found) return null;
    const refusal =
      signing.length > 0 ? await verifyStandardWebhook(incoming, { secrets: signing }, nowSeconds) : "missing";
    return refusal === "missing" && token !== null && tokens.length > 0 ? "mismatch" : refusal;
  },
  eventName: ({ headers }) => headers.get("x-gitlab-event"),
  deliveryId: ({ headers }) => headers.get("idempotency-key") ?? headers.get("x-gitlab-event-uuid"),
  keeps: (header) =>
    header !== TOKEN_HEADER &&
    (header.startsWith("x-gitlab-") || header.startsWith("webhook-") || header === "idempotency-key"),
  accepted: null,
};
