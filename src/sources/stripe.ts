import { anySecret, beginsWith, type Provider } from "./provider.ts";
import { hex, hmac, isTimely, parseSeconds, signedByAny } from "./signatures.ts";

/**
 * Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>...]`, HMAC-SHA256 of `t.body`, keyed with the text of the
 * secret, `whsec_` included. Other schemes (`v0`) are passed over.
 */
export const stripe: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify({ bytes, headers }, { secrets }, nowSeconds) {
    const header = headers.get("stripe-signature");
    if (header === null) return "missing";
    const items = header.split(",").map((item) => item.trim());
    const valuesOf = (name: string) =>
      items.filter((item) => item.startsWith(name)).map((item) => item.slice(name.length));
    const [time, ...furtherTimes] = valuesOf("t=");
    const seconds = time === undefined ? null : parseSeconds(time);
    if (seconds === null || furtherTimes.length > 0) return "malformed";
    const sign = async (secret: string) => hex(await hmac("SHA-256", secret, `${time}.`, bytes));
    if (!(await signedByAny(valuesOf("v1="), secrets, sign))) return "mismatch";
    return isTimely(seconds, nowSeconds) ? null : "timestamp";
  },
  eventName: ({ content }) => content.at(["type"]),
  deliveryId: ({ content }) => content.at(["id"]),
  keeps: beginsWith("stripe-"),
  accepted: null,
};
