import { createHmac } from "node:crypto";
import type { SourceTable } from "./table.ts";

export const shopify: SourceTable = {
  secrets: ["hush", "shpss_0123456789abcdef"],
  refusedSecrets: [],
  sign: ({ secret, body }) => ({
    "x-shopify-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64"),
  }),
  proof: "x-shopify-hmac-sha256",
  coversBody: true,
  timed: false,
  proofs: [
    ["in hexadecimal", (proof) => Buffer.from(proof, "base64").toString("hex"), false],
    ["in base64url", (proof) => `${proof.replaceAll("+", "-").replaceAll("/", "_").replace("=", "")}_`, false],
    ["without its padding", (proof) => proof.replace("=", ""), false],
  ],
  readings: [
    {
      title: "an event",
      headers: {
        ...{ "x-shopify-topic": "orders/create", "x-shopify-shop-domain": "shop.example" },
        ...{ "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5", "x-shopify-webhook-id": "b54557e4" },
      },
      type: "shopify.orders.create",
      id: "98880550-7158-44d4-b7cd-2c97c8a091b5",
      kept: ["x-shopify-event-id", "x-shopify-shop-domain", "x-shopify-topic", "x-shopify-webhook-id"],
    },
    {
      title: "an event without an event id",
      headers: { "x-shopify-topic": "app/uninstalled", "x-shopify-webhook-id": "b54557e4" },
      type: "shopify.app.uninstalled",
      id: "b54557e4",
    },
    { title: "nothing", type: "shopify.received", id: null },
  ],
};
