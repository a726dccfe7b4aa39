import { INTERRUPTIONS_PER_FAILURE, PROBE_FIRST_MS, PROBE_MAX_MS } from "./limits.ts";
import { retryDelayMs } from "./retry-schedule.ts";

/** What an attempt came to, as far as it decides anything. `statusCode` null: no answer. */
export interface AttemptFacts {
  readonly success: boolean;
  readonly statusCode: number | null;
  readonly retryAfterMilliseconds: number | null;
  readonly instruction: "disable" | "abort-message" | null;
}

export interface RetryBudget {
  readonly scheduleSeconds: readonly number[];
  readonly jitter: number;
  readonly onExhausted: "continue" | "hold-key";
  /** Failures so far that count, this one not. */
  readonly failures: number;
  /** The subscription is on hold: failures of a probe, or of what was under way, cost nothing. */
  readonly failing: boolean;
  /** 0..1, for the jitter. */
  readonly chance: number;
}

export type Outcome =
  | { readonly kind: "delivered" }
  /** Again after this; `failures` is the new count. */
  | { readonly kind: "retry"; readonly afterMilliseconds: number; readonly failures: number }
  | { readonly kind: "dead"; readonly reason: "exhausted" | "aborted" }
  /** Stays unsettled, with no time of its own: until the hold ends, or (exhausted) somebody retries or cancels it. */
  | { readonly kind: "held"; readonly exhausted: boolean; readonly disable: "gone" | "requested" | null };

/** What becomes of an event after an attempt (API clauses 6.3, 6.5, 6.6). */
export function outcomeOf(facts: AttemptFacts, budget: RetryBudget): Outcome {
  if (facts.success) return { kind: "delivered" };
  if (facts.statusCode === 410) return { kind: "held", exhausted: false, disable: "gone" };
  if (facts.instruction === "disable") return { kind: "held", exhausted: false, disable: "requested" };
  if (facts.instruction === "abort-message") return { kind: "dead", reason: "aborted" };
  if (budget.failing) return { kind: "held", exhausted: false, disable: null };
  const failures = budget.failures + 1;
  const { scheduleSeconds, jitter, chance } = budget;
  const scheduled = retryDelayMs({ failures, scheduleSeconds, jitter, chance });
  if (scheduled === null) {
    if (budget.onExhausted === "continue") return { kind: "dead", reason: "exhausted" };
    return { kind: "held", exhausted: true, disable: null };
  }
  return { kind: "retry", afterMilliseconds: Math.max(scheduled, facts.retryAfterMilliseconds ?? 0), failures };
}

/** An interruption costs no budget, but the fifth in a row counts as a failure. */
export const interruptionIsFailure = (interruptionsInARow: number): boolean =>
  interruptionsInARow >= INTERRUPTIONS_PER_FAILURE;

/** The pause before the next probe, after `probes` failed ones: 5 s doubling to 60 s, later if the subscriber asked for it. */
export const probeDelayMs = (probes: number, retryAfterMilliseconds: number | null): number =>
  Math.max(Math.min(PROBE_FIRST_MS * 2 ** Math.min(probes, 16), PROBE_MAX_MS), retryAfterMilliseconds ?? 0);
