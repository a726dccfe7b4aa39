import type { Counts } from "./counts.ts";

/**
 * Published prices of the Workers Paid plan as of 2026-11, in dollars per million, beyond what the plan includes
 * (https://developers.cloudflare.com/workers/platform/pricing/, /durable-objects/platform/pricing/, /queues/platform/pricing/).
 */
export const PRICES_AS_OF = "2026-11";

export const DOLLARS_PER_MILLION: Readonly<Record<keyof Counts, number>> = {
  workerRequests: 0.3,
  objectCalls: 0.15,
  rowsWritten: 1,
  rowsRead: 0.001,
  queueOperations: 0.4,
  /** $12.50 per million GB-seconds, and an object counts as 128 MB whatever it uses. */
  objectSeconds: 1.6,
};

/** What the plan's $5 a month include of each. */
export const INCLUDED_PER_MONTH: Readonly<Record<keyof Counts, number>> = {
  workerRequests: 10_000_000,
  objectCalls: 1_000_000,
  rowsWritten: 50_000_000,
  rowsRead: 25_000_000_000,
  queueOperations: 1_000_000,
  /** 400,000 GB-seconds. */
  objectSeconds: 3_125_000,
};
