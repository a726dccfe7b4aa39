import { parseHttpDate } from "./http-date.ts";
import { RETRY_MAX_SECONDS } from "./limits.ts";

const RETRY_MAX_MS = RETRY_MAX_SECONDS * 1000;

export interface RetryDelayInput {
  /** Failures in this run of the schedule, the one just seen included: 1 after the first. */
  readonly failures: number;
  readonly scheduleSeconds: readonly number[];
  /** 0..1: the delay is spread over delay × (1 ± jitter), so that subscribers are not hit by all retries at once. */
  readonly jitter: number;
  /** Chance, evenly spread over 0..1. */
  readonly chance: number;
}

/** Milliseconds until the next attempt, 0..24 h; null when the schedule is exhausted. */
export function retryDelayMs({ failures, scheduleSeconds, jitter, chance }: RetryDelayInput): number | null {
  const seconds = scheduleSeconds[failures - 1];
  if (seconds === undefined) return null;
  const spread = 1 + jitter * (2 * chance - 1);
  return Math.round(Math.min(Math.max(seconds * spread, 0), RETRY_MAX_SECONDS) * 1000);
}

/**
 * A subscriber's Retry-After (RFC 9110 section 10.2.3), as milliseconds from `nowMs`: whole seconds or an HTTP date. A
 * date that has passed is 0, anything beyond 24 h is 24 h; null for an absent header and for nonsense (fractions,
 * negative numbers, two values), so that a mistake never makes a hot loop nor holds deliveries for years.
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, RETRY_MAX_MS);
  const date = parseHttpDate(text, nowMs);
  return date === null ? null : Math.min(Math.max(date - nowMs, 0), RETRY_MAX_MS);
}
