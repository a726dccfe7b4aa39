import { createHmac } from "node:crypto";
import type { SourceTable } from "./table.ts";

export const hmac: SourceTable = {
  secrets: ["a secret of ours", "another one"],
  refusedSecrets: [],
  hmac: { header: "x-signature", algorithm: "sha512", encoding: "hex", prefix: "sha512=" },
  sign: ({ secret, body }) => ({
    "x-signature": `sha512=${createHmac("sha512", secret).update(body).digest("hex")}`,
  }),
  proof: "x-signature",
  coversBody: true,
  timed: false,
  proofs: [["without its prefix", (proof) => proof.replace("sha512=", ""), false]],
  readings: [
    {
      title: "anything",
      headers: {
        ...{ "x-signature": "sha512=x", "x-event-key": "repo:push", "x-auth-token": "secret", cookie: "a=b" },
        ...{ authorization: "Bearer x", "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", "x-api-key": "secret" },
      },
      type: "hmac.received",
      id: null,
      kept: ["x-event-key", "x-signature"],
    },
  ],
};
