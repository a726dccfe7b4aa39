import type { Counts } from "./counts.ts";
import { DOLLARS_PER_MILLION } from "./prices.ts";

const METERS = [
  "workerRequests",
  "objectCalls",
  "rowsWritten",
  "rowsRead",
  "queueOperations",
  "objectSeconds",
] as const;

/** Each meter's count for one event. */
export const perEvent = (counts: Counts, events: number): Counts => ({
  workerRequests: counts.workerRequests / events,
  objectCalls: counts.objectCalls / events,
  rowsWritten: counts.rowsWritten / events,
  rowsRead: counts.rowsRead / events,
  queueOperations: counts.queueOperations / events,
  objectSeconds: counts.objectSeconds / events,
});

/** What a million events cost, each being so much: marginal, without what the plan includes. */
export const dollarsPerMillionEvents = (each: Counts): number =>
  METERS.reduce((sum, meter) => sum + each[meter] * DOLLARS_PER_MILLION[meter], 0);
