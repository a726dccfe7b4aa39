import { BATCH_MAX_EVENTS } from "../core/limits.ts";
import { EVENTS_TOPIC, type OperationalEvent } from "../core/operational-event.ts";
import type { OutboxBody, OutboxRow } from "./model.ts";
import type { Known, SubscriptionState } from "./state.ts";

type Announcement = Extract<OutboxBody, { kind: "announce" }>;

/** An operational event about this subscription, as part of the commit that causes it. None about those of `sluice.events`. */
export function announce(
  state: SubscriptionState,
  known: Known,
  what: Pick<Announcement, "type" | "reason">,
  now: number,
): void {
  if (known.config.topic !== EVENTS_TOPIC) state.addOutbox({ kind: "announce", ...what, at: now }, now);
}

/**
 * What is not acknowledged up to and with this row, in the order in which it happened: nothing overtakes another. The
 * oldest ones, should they be more than a batch.
 */
export function announcementsThrough(
  row: OutboxRow,
  state: SubscriptionState,
  known: Known,
): { ids: number[]; events: OperationalEvent[] } {
  const { id, name, topic } = known.config;
  const ids: number[] = [];
  const events: OperationalEvent[] = [];
  for (const one of [...state.outbox.values()].sort((a, b) => a.id - b.id)) {
    if (one.id > row.id || one.body.kind !== "announce" || events.length === BATCH_MAX_EVENTS) continue;
    const { type, reason, at } = one.body;
    ids.push(one.id);
    events.push({ type, happening: `${id}/${one.id}`, at, subscription: { id, name }, topic, reason });
  }
  return { ids, events };
}
