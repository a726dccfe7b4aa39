import type { ProviderName } from "../../../src/sources/registry.ts";
import { basic } from "./basic.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { hmac } from "./hmac.ts";
import { none } from "./none.ts";
import { shopify } from "./shopify.ts";
import { slack } from "./slack.ts";
import { standardWebhooks } from "./standard-webhooks.ts";
import { stripe } from "./stripe.ts";
import type { SourceTable } from "./table.ts";
import { twilio } from "./twilio.ts";

/** A table for each provider: one without is a type error. */
export const TABLES: Readonly<Record<ProviderName, SourceTable>> = {
  github,
  gitlab,
  stripe,
  shopify,
  slack,
  twilio,
  "standard-webhooks": standardWebhooks,
  hmac,
  basic,
  none,
};
