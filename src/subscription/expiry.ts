import { PENDING_LISTED_MAX } from "../core/limits.ts";
import type { Peeked } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { History } from "./history.ts";
import type { Hole } from "./model.ts";
import type { Settlement } from "./settlement.ts";
import type { Known, SubscriptionState } from "./state.ts";
import { recordUntried } from "./untried.ts";

/**
 * Retention reaches events that are not settled: each becomes a dead letter `expired` before the log drops it. Those
 * under way are left to their attempt, and die with it if it fails: their bytes are gone by then.
 */
export class Expiry {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #settlement: Settlement;
  readonly #history: History;

  constructor(deps: SubscriptionDeps, parts: { state: SubscriptionState; settlement: Settlement; history: History }) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#settlement = parts.settlement;
    this.#history = parts.history;
  }

  /** Settles everything at or below `through`. Throws when the log cannot be read: then nothing may be dropped. */
  async expire(known: Known, through: number): Promise<void> {
    const { tenant, topic, id } = known.config;
    const state = this.#state;
    // What the log has not heard yet it would name by the old filter.
    const refiltering = [...state.outbox.values()].some(({ body }) => body.kind === "set-filter");
    if (refiltering) throw new Error("The filter changes.");
    this.#expireHoles(known, through);
    let from = Math.min(state.cursor + 1, ...state.lanes.waiting.values());
    while (from <= through) {
      const peeked = await this.#deps.topicLog(tenant, topic).peekFor(id, from - 1, PENDING_LISTED_MAX);
      if (!peeked.ok) throw new Error(peeked.error.code);
      const { events, scannedTo } = peeked.value;
      this.#expireWaiting(
        known,
        events.filter((event) => event.offset <= through),
      );
      this.#passed(events, Math.min(scannedTo, through));
      if (scannedTo < from) break;
      from = scannedTo + 1;
    }
    state.commit();
  }

  #expireHoles(known: Known, through: number): void {
    const now = this.#deps.now();
    for (const hole of [...this.#state.holes.values()]) {
      if (hole.offset > through || this.#state.flights.has(hole.offset)) continue;
      this.#settlement.die(known, hole, "expired", now);
      const event = { id: hole.eventId, offset: hole.offset, type: hole.type, key: hole.key };
      recordUntried(this.#state, known, [event], { fin: "dead", version: this.#deps.version, now });
    }
    this.#state.commit();
  }

  /** Those that wait in the log: after the cursor, or behind a blocked key. */
  #expireWaiting(known: Known, events: readonly Peeked[]): void {
    const { lanes, cursor } = this.#state;
    const now = this.#deps.now();
    const waiting = events.filter((event) => {
      const lane = event.key === null ? undefined : lanes.waiting.get(event.key);
      return event.offset > cursor || (lane !== undefined && event.offset >= lane);
    });
    const untried = waiting.filter((event) => !this.#state.skips.has(event.offset));
    for (const event of waiting) this.#state.dropSkip(event.offset);
    // A seek was going to bring these again: a redrive goes on with the numbers of their attempts.
    const again = untried.filter(({ offset }) => offset <= known.runtime.soughtThrough).map(({ offset }) => offset);
    const made = again.length === 0 ? null : this.#history.attemptsBetween(Math.min(...again), Math.max(...again));
    for (const event of untried) {
      lanes.begin(event.key);
      this.#settlement.die(known, { ...holeOf(event, now), ...made?.get(event.offset) }, "expired", now);
    }
    recordUntried(this.#state, known, untried, { fin: "dead", version: this.#deps.version, now });
  }

  /** Cursor and lanes move over what was looked at. */
  #passed(events: readonly Peeked[], through: number): void {
    const state = this.#state;
    for (const [key, next] of [...state.lanes.waiting]) {
      if (next > through) continue;
      state.heads.delete(key);
      if (through >= state.cursor) state.lanes.end(key);
      else state.lanes.advance(key, through + 1);
      state.touchLane(key);
    }
    if (through > state.cursor) {
      state.buffer = state.buffer.filter((event) => event.offset > through);
      state.cursor = through;
      state.lastMatched = events.findLast((event) => event.offset <= through)?.offset ?? state.lastMatched;
      state.scannedTo = Math.max(state.scannedTo, through);
    }
    state.commit();
  }
}

const holeOf = (event: Peeked, now: number): Hole => ({
  ...{ offset: event.offset, eventId: event.id, type: event.type, key: event.key, previous: 0, attempts: 0 },
  ...{ failures: 0, interruptions: 0, dueAt: null, exhausted: false, trigger: "fan-out", since: now, last: null },
});
