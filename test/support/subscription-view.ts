import type { SubscriptionConfig, SubscriptionView } from "../../src/subscription/rpc.ts";

/** What a healthy, quiet subscription of this configuration says of itself. */
export const viewOf = (config: SubscriptionConfig): SubscriptionView => ({
  config,
  state: "active",
  disabledReason: null,
  cursor: 7,
  lag: 0,
  oldestUnsettledAt: null,
  health: {
    state: "healthy",
    consecutiveFailures: 0,
    failingSince: null,
    lastError: null,
    nextProbeAt: null,
    lastSuccessAt: 1_800_000_000_000,
    lastFailureAt: null,
  },
  redrive: null,
});
