import { decodeBase64, encodeBase64 } from "./base64.ts";
import { type Problem, problem } from "./errors.ts";
import { SECRET_MAX_BYTES, SECRET_MIN_BYTES } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

const PREFIX = "whsec_";

/**
 * The key bytes of a Standard Webhooks secret: `whsec_` and canonical standard base64 of 24 to 64 bytes. Verifying
 * libraries take laxer texts, even an empty key, so nothing but this form is let in. The problem never repeats the text.
 */
export function parseSecret(text: string): Result<Uint8Array<ArrayBuffer>, Problem> {
  const bytes = text.startsWith(PREFIX) ? decodeBase64(text.slice(PREFIX.length)) : null;
  if (bytes === null) {
    return err(invalidSecret(`must be ${PREFIX} followed by standard base64 with its padding`));
  }
  if (bytes.length < SECRET_MIN_BYTES || bytes.length > SECRET_MAX_BYTES) {
    return err(
      invalidSecret(`must hold ${SECRET_MIN_BYTES} to ${SECRET_MAX_BYTES} bytes; this one holds ${bytes.length}`),
    );
  }
  return ok(bytes);
}

export const formatSecret = (bytes: Uint8Array): string => PREFIX + encodeBase64(bytes);

const invalidSecret = (refusal: string): Problem =>
  problem("invalid", `The secret ${refusal}. Leave it out to have one generated.`, {
    errors: [{ pointer: "#/secret", detail: refusal }],
  });
