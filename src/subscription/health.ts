import { probeDelayMs } from "../core/outcome.ts";
import { announce } from "./announce.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { AttemptErrorCode } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

/** Whether the subscriber answers: what successes and failures do to the subscription as a whole (API clause 6.6). */
export class HealthKeeper {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Ends a hold: everything held is due at once. */
  succeeded(known: Known, now: number): void {
    const { runtime } = known;
    const before = runtime.health;
    runtime.health = { ...before, lastSuccessAt: now };
    if (before.consecutiveFailures === 0 && before.state === "healthy") return;
    runtime.health = {
      ...runtime.health,
      state: "healthy",
      consecutiveFailures: 0,
      failingSince: null,
      nextProbeAt: null,
    };
    if (before.state === "failing") {
      runtime.reopenedAt = now;
      announce(this.#state, known, { type: "subscription.recovered", reason: null }, now);
    }
    runtime.probes = 0;
    this.#state.touchRuntime();
  }

  /** Counts a failure: may begin a hold, put off the next probe, or disable. */
  failed(
    known: Known,
    error: { readonly code: AttemptErrorCode; readonly message: string } | null,
    at: { readonly now: number; readonly retryAfter: number | null; readonly probe: boolean },
  ): void {
    const { runtime, config } = known;
    const before = runtime.health;
    const consecutiveFailures = before.consecutiveFailures + 1;
    const failingSince = before.failingSince ?? at.now;
    const limit = config.retry.holdAfterFailures;
    const held = before.state === "failing" || (limit !== null && consecutiveFailures >= limit);
    if (before.state === "failing" && at.probe) runtime.probes += 1;
    // What was under way when the hold began puts off no probe, unless by its Retry-After.
    const asked = at.now + (at.retryAfter ?? 0);
    const next =
      before.state === "failing" && !at.probe
        ? Math.max(before.nextProbeAt ?? at.now, asked)
        : at.now + probeDelayMs(runtime.probes, at.retryAfter);
    const nextProbeAt = held ? next : null;
    runtime.health = {
      ...before,
      state: held ? "failing" : "healthy",
      consecutiveFailures,
      failingSince,
      lastError: error,
      lastFailureAt: at.now,
      nextProbeAt,
    };
    this.#state.touchRuntime();
    if (held && before.state !== "failing") {
      announce(this.#state, known, { type: "subscription.failing", reason: error?.code ?? null }, at.now);
    }
    const patience = config.disableAfterSeconds;
    if (patience !== null && at.now - failingSince >= patience * 1000) this.disable(known, "failing", at.now);
  }

  disable(known: Known, reason: string, now: number): void {
    if (known.runtime.state === "disabled") return;
    known.runtime.state = "disabled";
    known.runtime.disabledReason = reason;
    this.#state.touchRuntime();
    announce(this.#state, known, { type: "subscription.disabled", reason }, now);
    this.#deps.log("subscription-disabled", { subscription: known.config.id, reason });
  }
}
