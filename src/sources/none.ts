import { keepsCustom } from "./custom-headers.ts";
import type { Provider } from "./provider.ts";

/** Nothing is verified: whoever knows the URL may send. */
export const none: Provider = {
  signs: false,
  refusedSecret: () => "is not used by this provider",
  verify: async () => null,
  eventName: () => null,
  deliveryId: () => null,
  keeps: keepsCustom,
  accepted: null,
};
