import { batchedBytes } from "../core/batch.ts";
import type { LogEvent } from "../core/event.ts";
import { BATCH_SEND_MAX_BYTES } from "../core/limits.ts";
import type { Hole } from "./model.ts";
import type { SubscriptionState } from "./state.ts";

type Unsettled = Pick<SubscriptionState, "lanes" | "holes" | "flights">;

/**
 * The holes that order lets go, whenever they are due: in topic order the lowest one while nothing is under way, in key
 * order the lowest of each key while none of its key is under way, otherwise all that are not under way. After a
 * redrive or a change of ordering a key may have several. `grouped`: what is retried together does not block itself.
 */
export function unblockedHoles({ lanes, holes, flights }: Unsettled, grouped: boolean): Hole[] {
  if (holes.size === 0) return [];
  const idle = [...holes.values()].filter((hole) => !flights.has(hole.offset));
  if (lanes.ordering === "none") return idle;
  const together = (one: Hole, other: Hole | undefined): boolean =>
    one === other || (grouped && one.batch !== undefined && one.batch === other?.batch);
  if (lanes.ordering === "topic") {
    if (flights.size > 0) return [];
    const first = holes.get(Math.min(...holes.keys()));
    return idle.filter((hole) => together(hole, first));
  }
  const busy = new Set([...flights.values()].map(({ entry }) => entry.k));
  const lowest = new Map<string, Hole>();
  for (const hole of holes.values()) {
    if (hole.key === null) continue;
    const other = lowest.get(hole.key);
    if (other === undefined || hole.offset < other.offset) lowest.set(hole.key, hole);
  }
  return idle.filter((hole) => hole.key === null || (together(hole, lowest.get(hole.key)) && !busy.has(hole.key)));
}

type WithPayloads = Unsettled & Pick<SubscriptionState, "payloads">;

/**
 * What a batch of retries carries, lowest offset first: the members of a batch that was sent before, all of them or none;
 * else, up to `maxEvents`, those that are in none yet.
 */
export function dueGroup(state: WithPayloads, maxEvents: number, isDue: (hole: Hole) => boolean): Hole[] {
  const unblocked = unblockedHoles(state, true).sort((one, other) => one.offset - other.offset);
  const ready = unblocked.filter((hole) => isDue(hole) && state.payloads.has(hole.offset));
  const sizes = new Map<string, number>();
  for (const { batch } of state.holes.values()) if (batch !== undefined) sizes.set(batch, (sizes.get(batch) ?? 0) + 1);
  for (const [batch, members] of Map.groupBy(ready, (hole) => hole.batch)) {
    if (batch !== undefined && sizes.get(batch) === members.length) return members;
  }
  return newGroup(
    state,
    maxEvents,
    ready.filter(({ batch }) => batch === undefined),
  );
}

const bytesOf = (event: LogEvent | undefined): number => (event === undefined ? 0 : batchedBytes(event));

function newGroup({ payloads }: WithPayloads, maxEvents: number, loose: readonly Hole[]): Hole[] {
  const group: Hole[] = [];
  let bytes = 0;
  for (const hole of loose) {
    if (group.length >= maxEvents || bytes >= BATCH_SEND_MAX_BYTES) break;
    group.push(hole);
    bytes += bytesOf(payloads.get(hole.offset));
  }
  return group;
}
