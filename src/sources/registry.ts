import { basic } from "./basic.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { hmac } from "./hmac.ts";
import { none } from "./none.ts";
import type { Provider } from "./provider.ts";
import { shopify } from "./shopify.ts";
import { slack } from "./slack.ts";
import { standardWebhooks } from "./standard-webhooks.ts";
import { stripe } from "./stripe.ts";
import { twilio } from "./twilio.ts";

/** Every provider there is, by the name it has in a source and before the types of its events. */
export const PROVIDERS = {
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
} satisfies Readonly<Record<string, Provider>>;

export type ProviderName = keyof typeof PROVIDERS;

export const isProviderName = (name: string): name is ProviderName => Object.hasOwn(PROVIDERS, name);

export const providerOf = (name: ProviderName): Provider => PROVIDERS[name];
