import { anySecret, beginsWith, type Provider } from "./provider.ts";
import { hex, hmac, signedByAny } from "./signatures.ts";

/** GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 of the body. The older SHA-1 header is not looked at. */
export const github: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify({ bytes, headers }, { secrets }) {
    const given = headers.get("x-hub-signature-256");
    if (given === null) return "missing";
    const sign = async (secret: string) => `sha256=${hex(await hmac("SHA-256", secret, bytes))}`;
    return (await signedByAny([given], secrets, sign)) ? null : "mismatch";
  },
  eventName: ({ headers }) => headers.get("x-github-event"),
  deliveryId: ({ headers }) => headers.get("x-github-delivery"),
  keeps: beginsWith("x-github-", "x-hub-signature"),
  accepted: null,
};
