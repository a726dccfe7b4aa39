import { PACE_AHEAD_MS } from "../core/limits.ts";
import type { SubscriptionConfig } from "./rpc.ts";

type Limited = Pick<SubscriptionConfig, "rateLimit">;

/**
 * Spaces requests evenly (API clause 5.1 `rateLimit`): each gets the earliest moment that keeps its distance from the
 * one before. Leased are only those whose moment is near, so that a pause never waits for them. Memory only: after a
 * restart the first goes at once.
 */
export class Pace {
  #nextAt = 0;

  /** When the next request may start, Unix ms; null when that is too far ahead to lease it now. */
  startAt({ rateLimit }: Limited, now: number): number | null {
    if (rateLimit === null) return now;
    // Further ahead than it can be: the clock was set back.
    if (this.#nextAt > now + PACE_AHEAD_MS + 1000 / rateLimit.perSecond) this.#nextAt = now;
    const at = Math.max(now, this.#nextAt);
    return at <= now + PACE_AHEAD_MS ? at : null;
  }

  /** When a request that must wait may be leased. */
  leasableAt({ rateLimit }: Limited, now: number): number {
    return rateLimit === null ? now : Math.max(now, this.#nextAt - PACE_AHEAD_MS);
  }

  /** A request will start then. */
  begun({ rateLimit }: Limited, startAt: number): void {
    if (rateLimit !== null) this.#nextAt = startAt + 1000 / rateLimit.perSecond;
  }
}
