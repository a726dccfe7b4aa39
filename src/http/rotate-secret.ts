import * as v from "valibot";
import { SECRET_GRACE_DEFAULT_SECONDS, SECRET_GRACE_MAX_SECONDS } from "../core/limits.ts";
import { ok } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import { jsonAnswer } from "./answer.ts";
import { readOptionalJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { onSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";
import { newSecret } from "./subscription-config.ts";
import { members, validate, wholeNumber } from "./validate.ts";

const RotationDocument = members({
  graceSeconds: v.optional(wholeNumber(0, SECRET_GRACE_MAX_SECONDS), SECRET_GRACE_DEFAULT_SECONDS),
});

/** `POST /v1/subscriptions/{id}/rotate-secret`: answers the new secret, this once. */
export async function rotateSecret(call: Call): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const body = await readOptionalJson(call.request);
  if (!body.ok) return body;
  const document = validate(RotationDocument, body.value);
  if (!document.ok) return document;
  const secret = await newSecret(undefined, call.settings.vault);
  if (!secret.ok) return secret;
  const { text, ciphertext } = secret.value;
  const rotated = await onSubscription(call, idOrName.value, (subscription) =>
    subscription.rotateSecret(ciphertext, document.value.graceSeconds * 1000),
  );
  if (!rotated.ok) return rotated;
  return ok(jsonAnswer({ secret: text, previousExpiresAt: formatRfc3339(rotated.value.previousExpiresAt) }));
}
