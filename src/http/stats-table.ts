import { type Problem, problem } from "../core/errors.ts";
import { LatencyHistogram } from "../core/latency.ts";
import { EVENT_COUNT_BUCKETS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import type { AttemptCounts } from "../subscription/rpc.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long a bucket is, and what is shown unless `since` says otherwise. */
const RESOLUTION_MS = {
  minute: { bucket: MINUTE_MS, shown: HOUR_MS },
  hour: { bucket: HOUR_MS, shown: DAY_MS },
  day: { bucket: DAY_MS, shown: 30 * DAY_MS },
} as const;

export type Resolution = keyof typeof RESOLUTION_MS;

export const RESOLUTIONS: readonly Resolution[] = ["minute", "hour", "day"];

/** Whole buckets, aligned to UTC: from the one with `since` up to and with the present one. */
export interface Span {
  readonly since: number;
  readonly until: number;
  readonly bucketMilliseconds: number;
}

/** `invalid` (422) when `since` is in the future, or so long ago that there would be too many buckets. */
export function spanOf(resolution: Resolution, since: number | null, now: number): Result<Span, Problem> {
  const { bucket, shown } = RESOLUTION_MS[resolution];
  const startOf = (time: number): number => Math.floor(time / bucket) * bucket;
  const span = { since: startOf(since ?? now - shown), until: startOf(now) + bucket, bucketMilliseconds: bucket };
  const count = (span.until - span.since) / bucket;
  if (count < 1) return err(problem("invalid", "The query member since is in the future."));
  if (count <= EVENT_COUNT_BUCKETS_MAX) return ok(span);
  const most = `at most ${EVENT_COUNT_BUCKETS_MAX} are counted`;
  const advice = "Choose a later since, or a coarser resolution.";
  return err(problem("invalid", `Since then there are ${count} buckets (${resolution}), ${most}. ${advice}`));
}

interface Bucket {
  events: number;
  attempts: number;
  successes: number;
  failures: number;
  readonly latency: LatencyHistogram;
}

/** Counts of a span, summed up over topics and subscriptions. */
export class StatsTable {
  readonly #buckets = new Map<number, Bucket>();

  constructor({ since, until, bucketMilliseconds }: Span) {
    for (let start = since; start < until; start += bucketMilliseconds) {
      const latency = new LatencyHistogram();
      this.#buckets.set(start, { events: 0, attempts: 0, successes: 0, failures: 0, latency });
    }
  }

  addEvents(counts: readonly { readonly start: number; readonly events: number }[]): void {
    for (const { start, events } of counts) {
      const bucket = this.#buckets.get(start);
      if (bucket !== undefined) bucket.events += events;
    }
  }

  addAttempts(counts: readonly AttemptCounts[]): void {
    for (const { start, attempts, successes, failures, latency } of counts) {
      const bucket = this.#buckets.get(start);
      if (bucket === undefined) continue;
      bucket.attempts += attempts;
      bucket.successes += successes;
      bucket.failures += failures;
      bucket.latency.merge(latency);
    }
  }

  /** Every bucket, in order, also the empty ones. */
  get data() {
    return [...this.#buckets].map(([start, { latency, ...counts }]) => {
      const p50 = latency.percentile(0.5);
      const p95 = latency.percentile(0.95);
      return { start: formatRfc3339(start), ...counts, latencyMilliseconds: p50 === null ? null : { p50, p95 } };
    });
  }
}
