import type { SourceTable } from "./table.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

export const basic: SourceTable = {
  secrets: ["user:password", "café:pass:word with spaces"],
  refusedSecrets: ["user", ":password", "user:", "user:pass\nword", "us\ter:password"],
  sign: ({ secret }) => ({ authorization: `Basic ${base64(secret)}` }),
  proof: "authorization",
  coversBody: false,
  timed: false,
  proofs: [
    ["with its scheme in lower case", (proof) => proof.replace("Basic", "basic"), true],
    ["of another scheme", (proof) => proof.replace("Basic", "Bearer"), false],
    ["without its scheme", (proof) => proof.replace("Basic ", ""), false],
    ["not encoded", () => "Basic user:password", false],
    ["with a user too many", () => `Basic ${base64("user:password:")}`, false],
    ["twice", (proof) => `${proof}, ${proof}`, false],
  ],
  readings: [
    {
      title: "anything",
      headers: { authorization: `Basic ${base64("user:password")}`, "x-kind": "1" },
      type: "basic.received",
      id: null,
      kept: ["x-kind"],
    },
  ],
};
