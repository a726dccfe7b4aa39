import { createHmac } from "node:crypto";
import { json, type SourceTable } from "./table.ts";

const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";

export const standardWebhooks: SourceTable = {
  secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", `whsec_${Buffer.alloc(64, 7).toString("base64")}`],
  refusedSecrets: [
    "secret",
    "whsec_",
    "whsec_AAAA",
    `whsec_${"A".repeat(88)}`,
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=",
  ],
  sign: ({ secret, body, time }) => {
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const mac = createHmac("sha256", key).update(`${ID}.${time}.`).update(body).digest("base64");
    return { "webhook-id": ID, "webhook-timestamp": time, "webhook-signature": `v1,${mac}` };
  },
  proof: "webhook-signature",
  coversBody: true,
  timed: true,
  proofs: [
    ["behind unknown versions and junk", (proof) => `v2,abc v1a,${proof.slice(3)} , v1 v1, ${proof}`, true],
    ["before another one", (proof) => `${proof} v1,${"A".repeat(43)}=`, true],
    ["of an unknown version", (proof) => proof.replace("v1,", "v2,"), false],
    ["of the asymmetric version", (proof) => proof.replace("v1,", "v1a,"), false],
    ["without its version", (proof) => proof.replace("v1,", ""), false],
    ["behind more than are looked at", (proof) => `${"v1,AAAA ".repeat(32)}${proof}`, false],
  ],
  readings: [
    {
      title: "an event",
      ...json({ type: "user.created", timestamp: "2026-01-01T00:00:00Z", data: {} }),
      headers: { "webhook-id": ID, "webhook-timestamp": "1", "webhook-signature": "v1,x", "x-other": "1" },
      type: "standard-webhooks.user.created",
      id: ID,
      kept: ["webhook-id", "webhook-signature", "webhook-timestamp"],
    },
    { title: "nothing", type: "standard-webhooks.received", id: null },
  ],
};
