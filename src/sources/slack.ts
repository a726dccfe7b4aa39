import { anySecret, beginsWith, type Incoming, type Provider } from "./provider.ts";
import { hex, hmac, isTimely, parseSeconds, signedByAny } from "./signatures.ts";

/** Events are inside an envelope; interactions come as JSON in the field `payload` of a form. */
const eventName = ({ content }: Incoming): string | null =>
  content.at(["event", "type"]) ?? content.at(["type"]) ?? content.at(["payload", "type"]);

/** Slack: `X-Slack-Signature: v0=<hex>`, HMAC-SHA256 of `v0:<X-Slack-Request-Timestamp>:<body>`. */
export const slack: Provider = {
  signs: true,
  refusedSecret: anySecret,
  async verify({ bytes, headers }, { secrets }, nowSeconds) {
    const given = headers.get("x-slack-signature");
    const time = headers.get("x-slack-request-timestamp");
    if (given === null || time === null) return "missing";
    const seconds = parseSeconds(time);
    if (seconds === null) return "malformed";
    const sign = async (secret: string) => `v0=${hex(await hmac("SHA-256", secret, `v0:${time}:`, bytes))}`;
    if (!(await signedByAny([given], secrets, sign))) return "mismatch";
    return isTimely(seconds, nowSeconds) ? null : "timestamp";
  },
  eventName,
  deliveryId: ({ content }) => content.at(["event_id"]),
  keeps: beginsWith("x-slack-"),
  accepted: null,
  answerTo: ({ content }) => (content.at(["type"]) === "url_verification" ? content.at(["challenge"]) : null),
};
