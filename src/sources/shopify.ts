import { anySecret, beginsWith, type Provider } from "./provider.ts";
import { base64, hmac, signedByAny } from "./signatures.ts";

/** Shopify: `X-Shopify-Hmac-Sha256: <base64>`, HMAC-SHA256 of the body under the app's client secret. */
export const shopify: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify({ bytes, headers }, { secrets }) {
    const given = headers.get("x-shopify-hmac-sha256");
    if (given === null) return "missing";
    const sign = async (secret: string) => base64(await hmac("SHA-256", secret, bytes));
    return (await signedByAny([given], secrets, sign)) ? null : "mismatch";
  },
  eventName: ({ headers }) => headers.get("x-shopify-topic"),
  deliveryId: ({ headers }) => headers.get("x-shopify-event-id") ?? headers.get("x-shopify-webhook-id"),
  keeps: beginsWith("x-shopify-"),
  accepted: null,
};
