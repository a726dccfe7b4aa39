import { LEASE_GRACE_MS, LEASE_ROW_MAX_SENDS } from "../core/limits.ts";
import type { Peeked } from "../topic-log/rpc.ts";
import type { Entry, LeaseRow } from "./model.ts";
import type { Known, SubscriptionState } from "./state.ts";

/**
 * Writes settlements that had no attempt into the delivery log: entries numbered 0, which show as no attempt. Without
 * them a list of deliveries would not know these events.
 */
export function recordUntried(
  state: SubscriptionState,
  known: Known,
  events: readonly Peeked[],
  as: { fin: "dead" | "cancelled"; version: string; now: number },
): void {
  const { config } = known;
  const context = {
    url: config.url,
    headerNames: [],
    version: as.version,
    leaseMilliseconds: config.timeoutSeconds * 1000 + LEASE_GRACE_MS,
  };
  let row: LeaseRow | null = null;
  for (const { offset, id, type, key } of events) {
    if (row === null || row.entries.length >= LEASE_ROW_MAX_SENDS) row = state.newRow(context, as.now);
    const entry: Entry = {
      ...{ o: offset, id, t: type, k: key, h: 0, p: 0, n: 0, a: "" },
      ...{ g: "manual", l: as.now, ct: "", out: "failure", fin: as.fin, r: null },
    };
    row.entries.push(entry);
    state.touchRow(row);
  }
}
