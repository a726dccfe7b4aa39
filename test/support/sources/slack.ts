import { createHmac } from "node:crypto";
import { json, type SourceTable } from "./table.ts";

export const slack: SourceTable = {
  secrets: ["8f742231b10e8888abcd99yyyzzz85a5", "another-signing-secret"],
  refusedSecrets: [],
  sign: ({ secret, body, time }) => ({
    "x-slack-request-timestamp": time,
    "x-slack-signature": `v0=${createHmac("sha256", secret).update(`v0:${time}:`).update(body).digest("hex")}`,
  }),
  proof: "x-slack-signature",
  coversBody: true,
  timed: true,
  proofs: [
    ["of another version", (proof) => proof.replace("v0=", "v1="), false],
    ["without its version", (proof) => proof.replace("v0=", ""), false],
  ],
  readings: [
    {
      title: "an event",
      ...json({ type: "event_callback", event_id: "Ev0PV52K25", event: { type: "app_mention", text: "hi" } }),
      headers: { "x-slack-retry-num": "1", "x-slack-signature": "v0=x", authorization: "Bearer x" },
      type: "slack.app_mention",
      id: "Ev0PV52K25",
      kept: ["x-slack-retry-num", "x-slack-signature"],
    },
    {
      title: "an event about the app",
      ...json({ type: "app_rate_limited" }),
      type: "slack.app_rate_limited",
      id: null,
    },
    {
      title: "an interaction",
      contentType: "application/x-www-form-urlencoded",
      body: `payload=${encodeURIComponent('{"type":"block_actions"}')}`,
      type: "slack.block_actions",
      id: null,
    },
    {
      title: "a command",
      contentType: "application/x-www-form-urlencoded",
      body: "command=%2Fweather&text=94070",
      type: "slack.received",
      id: null,
    },
  ],
};
