import { constantTimeEqual } from "../core/constant-time.ts";
import { anySecret, beginsWith, type Incoming, type Provider } from "./provider.ts";
import { base64, hex, hmac, signedByAny } from "./signatures.ts";

/**
 * Twilio: `X-Twilio-Signature: <base64>`, HMAC-SHA1 under the account's auth token of the URL and, of a form, its fields:
 * sorted by name, each name followed by its value, a value that comes twice under a name taken once. Any other body is
 * signed by its SHA-256, which is in the URL (`bodySHA256`).
 */
export const twilio: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify(incoming, { secrets }) {
    const given = incoming.headers.get("x-twilio-signature");
    if (given === null) return "missing";
    const parameters = await signedParameters(incoming);
    if (parameters === null) return "mismatch";
    for (const url of spellings(incoming.url)) {
      const sign = async (secret: string) => base64(await hmac("SHA-1", secret, url, parameters));
      if (await signedByAny([given], secrets, sign)) return null;
    }
    return "mismatch";
  },
  // Its forms do not say what they are about; typeFrom can tell where they hint at it (`/SmsStatus`).
  eventName: () => null,
  deliveryId: ({ headers, content }) => headers.get("i-twilio-idempotency-token") ?? content.at(["MessageSid"]),
  keeps: beginsWith("x-twilio-", "i-twilio-"),
  // It takes the body of an answer for instructions: an empty one says that there is nothing to do.
  accepted: { status: 200, text: "" },
};

/** What is signed after the URL; null where the body would not be signed at all. */
async function signedParameters({ bytes, content, url }: Incoming): Promise<string | null> {
  const digest = new URL(url).searchParams.get("bodySHA256");
  if (digest === null) {
    if (content.isForm) return sortedFields(content.fields);
    return bytes.length === 0 ? "" : null;
  }
  const real = await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes));
  return constantTimeEqual(digest, hex(new Uint8Array(real))) ? "" : null;
}

function sortedFields(fields: URLSearchParams): string {
  const names = [...new Set(fields.keys())].sort();
  return names.flatMap((name) => [...new Set(fields.getAll(name))].sort().map((value) => name + value)).join("");
}

/** The URL as it is, without a port, and with the one that its scheme has anyway: Twilio may have signed any of them. */
function spellings(text: string): string[] {
  const { protocol, hostname } = new URL(text);
  const scheme = `${protocol}//`;
  const rest = text.slice(text.indexOf("/", scheme.length));
  const standard = protocol === "https:" ? 443 : 80;
  return [text, `${scheme}${hostname}${rest}`, `${scheme}${hostname}:${standard}${rest}`];
}
