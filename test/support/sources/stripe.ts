import { createHmac } from "node:crypto";
import { json, type SourceTable } from "./table.ts";

export const stripe: SourceTable = {
  secrets: ["whsec_test_secret", "whsec_another"],
  refusedSecrets: [],
  sign: ({ secret, body, time }) => {
    const mac = createHmac("sha256", secret).update(`${time}.`).update(body).digest("hex");
    return { "stripe-signature": `t=${time},v1=${mac}` };
  },
  proof: "stripe-signature",
  coversBody: true,
  timed: true,
  proofs: [
    ["with an older scheme before and after it", (proof) => `v0=abc,${proof},v0=def`, true],
    ["with another signature before it", (proof) => proof.replace("v1=", `v1=${"0".repeat(64)},v1=`), true],
    ["with junk around it", (proof) => `,=,x,v1,${proof},v2=9,`, true],
    ["with spaces after its commas", (proof) => proof.replaceAll(",", ", "), true],
    ["of an unknown scheme", (proof) => proof.replace("v1=", "v2="), false],
    ["of the older scheme", (proof) => proof.replace("v1=", "v0="), false],
    ["without its time", (proof) => proof.replace(/^t=\d+,/, ""), false],
    ["behind another time", (proof) => `t=1,${proof}`, false],
    ["before another time", (proof) => `${proof},t=1`, false],
  ],
  readings: [
    {
      title: "an event",
      ...json({
        id: "evt_1NG8Du2eZvKYlo2CUI79vXWy",
        object: "event",
        type: "payment_intent.succeeded",
        livemode: false,
      }),
      headers: { "stripe-signature": "t=1,v1=2", "user-agent": "Stripe/1.0" },
      type: "stripe.payment_intent.succeeded",
      id: "evt_1NG8Du2eZvKYlo2CUI79vXWy",
      kept: ["stripe-signature"],
    },
    { title: "no JSON", contentType: "application/json", body: "{", type: "stripe.received", id: null },
    { title: "members of other types", ...json({ id: {}, type: null }), type: "stripe.received", id: null },
  ],
};
