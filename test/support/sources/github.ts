import { createHmac } from "node:crypto";
import type { SourceTable } from "./table.ts";

export const github: SourceTable = {
  secrets: ["It's a Secret to Everybody", "ключ 🗝"],
  refusedSecrets: [],
  sign: ({ secret, body }) => ({
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    "x-hub-signature": `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`,
  }),
  proof: "x-hub-signature-256",
  coversBody: true,
  timed: false,
  proofs: [
    ["without its prefix", (proof) => proof.slice("sha256=".length), false],
    ["with the prefix of another digest", (proof) => proof.replace("sha256=", "sha1="), false],
    ["with its prefix in upper case", (proof) => proof.replace("sha256=", "SHA256="), false],
    ["behind another one", (proof) => `sha256=${"0".repeat(64)}, ${proof}`, false],
  ],
  readings: [
    {
      title: "an event",
      headers: {
        ...{ "x-github-event": "pull_request", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958" },
        ...{ "x-github-hook-id": "292430182", "user-agent": "GitHub-Hookshot/044aadd", cookie: "a=b" },
      },
      type: "github.pull_request",
      id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      kept: ["x-github-delivery", "x-github-event", "x-github-hook-id"],
    },
    { title: "nothing", type: "github.received", id: null },
  ],
};
