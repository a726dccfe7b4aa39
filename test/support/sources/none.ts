import type { SourceTable } from "./table.ts";

export const none: SourceTable = {
  secrets: ["", ""],
  refusedSecrets: ["anything"],
  sign: () => ({}),
  proof: null,
  coversBody: false,
  timed: false,
  proofs: [],
  readings: [
    { title: "anything", headers: { "x-kind": "1", cookie: "a=b" }, type: "none.received", id: null, kept: ["x-kind"] },
  ],
};
