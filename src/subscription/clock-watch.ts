import { CLOCK_SKEW_MAX_MS, OUTBOX_RESEND_MAX_MS } from "../core/limits.ts";
import type { Known, SubscriptionState } from "./state.ts";

/**
 * The machine's clock may be set back. What was to happen at a time of the old one would wait until the new one comes
 * there; instead a lease lasts its length from now, and everything else is due now. Looked for once after the object
 * woke and whenever the time is less than it was: nothing of it costs anything as long as time passes as it should.
 */
export class ClockWatch {
  readonly #state: SubscriptionState;
  #latest = Number.POSITIVE_INFINITY;

  constructor(state: SubscriptionState) {
    this.#state = state;
  }

  /** True when something is to be committed. */
  look(known: Known, now: number): boolean {
    const back = now < this.#latest;
    this.#latest = now;
    if (!back) return false;
    const { flights, outbox } = this.#state;
    for (const row of outbox.values()) row.nextAt = Math.min(row.nextAt, now + OUTBOX_RESEND_MAX_MS);
    for (const [offset, flight] of flights) {
      const expiresAt = now + flight.row.context.leaseMilliseconds;
      if (flight.expiresAt > expiresAt + CLOCK_SKEW_MAX_MS) flights.set(offset, { ...flight, expiresAt });
    }
    const holes = this.#bringBackHoles(known, now);
    return this.#bringBackHealth(known, now) || holes;
  }

  #bringBackHoles({ runtime }: Known, now: number): boolean {
    const { reopenedAt } = runtime;
    let moved = false;
    for (const hole of this.#state.holes.values()) {
      const reopened = reopenedAt > now && hole.since < reopenedAt;
      if (!reopened && hole.since <= now + CLOCK_SKEW_MAX_MS) continue;
      this.#state.setHole({ ...hole, since: now, dueAt: hole.dueAt === null ? null : now });
      moved = true;
    }
    // Else every failure from now on would be one of before the hold ended, and due at once.
    if (reopenedAt > now) {
      runtime.reopenedAt = now;
      this.#state.touchRuntime();
    }
    return moved || reopenedAt > now;
  }

  #bringBackHealth({ runtime }: Known, now: number): boolean {
    const { health } = runtime;
    const { lastFailureAt, failingSince, nextProbeAt } = health;
    if (lastFailureAt === null || lastFailureAt <= now + CLOCK_SKEW_MAX_MS) return false;
    runtime.quietUntil = 0;
    runtime.health = {
      ...health,
      lastFailureAt: now,
      failingSince: failingSince === null ? null : Math.min(failingSince, now),
      nextProbeAt: nextProbeAt === null ? null : now,
    };
    this.#state.touchRuntime();
    return true;
  }
}
