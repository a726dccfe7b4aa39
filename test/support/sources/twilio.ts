import { createHash, createHmac } from "node:crypto";
import type { SourceTable } from "./table.ts";

const FORM = "application/x-www-form-urlencoded";

/** What is signed, in the words of the specification: of a form its fields, sorted; of anything else its digest in the URL. */
export const twilio: SourceTable = {
  secrets: ["auth-token-of-the-account", "the one before"],
  refusedSecrets: [],
  sign: ({ secret, body, contentType, url }) => {
    const fields = contentType === FORM ? [...new URLSearchParams(Buffer.from(body).toString())] : [];
    const text = fields
      .map(([name, value]) => name + value)
      .toSorted()
      .join("");
    return {
      "x-twilio-signature": createHmac("sha1", secret)
        .update(url + text)
        .digest("base64"),
    };
  },
  proof: "x-twilio-signature",
  coversBody: true,
  timed: false,
  proofs: [["in hexadecimal", (proof) => Buffer.from(proof, "base64").toString("hex"), false]],
  readings: [
    {
      title: "a message",
      contentType: FORM,
      body: "MessageSid=SM1&SmsStatus=received&From=%2B15551234567",
      headers: { "i-twilio-idempotency-token": "2c4d", "x-twilio-signature": "abc=", "x-home-region": "us1" },
      type: "twilio.received",
      id: "2c4d",
      kept: ["i-twilio-idempotency-token", "x-twilio-signature"],
    },
    {
      title: "a message without a token",
      contentType: FORM,
      body: "MessageSid=SM1",
      type: "twilio.received",
      id: "SM1",
    },
    { title: "a call", contentType: FORM, body: "CallSid=CA1", type: "twilio.received", id: null },
  ],
};

/** The URL of a request whose body is no form. */
export const urlWithDigest = (url: string, body: Uint8Array | string): string =>
  `${url}?bodySHA256=${createHash("sha256").update(body).digest("hex")}`;
