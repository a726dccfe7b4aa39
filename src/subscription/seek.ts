import type { Problem } from "../core/errors.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { CountRange, Start } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Hole } from "./model.ts";
import { leftRedrive } from "./redrive.ts";
import type { SeekAnswer } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";
import { recordUntried } from "./untried.ts";

/**
 * Moves the cursor to another place in the log (API clause 5.4). Backward, everything from there on comes again, in
 * order, and what was before it goes on as it was; forward, everything unsettled before the new place is cancelled.
 */
export class Seek {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  /** Seeks that asked the log where to go and have not moved yet: what they will bring again must not expire meanwhile. */
  underWay = 0;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Throws when the log is out of reach: then nothing has changed. */
  async seek(known: Known, to: Start, dryRun: boolean): Promise<Result<SeekAnswer, Problem>> {
    this.underWay += 1;
    try {
      return await this.#seek(known, to, dryRun);
    } finally {
      this.underWay -= 1;
    }
  }

  async #seek(known: Known, to: Start, dryRun: boolean): Promise<Result<SeekAnswer, Problem>> {
    const { tenant, topic, id } = known.config;
    const located = await this.#deps.topicLog(tenant, topic).locate(id, to, dryRun);
    if (!located.ok) return located;
    const { cursor, head } = located.value;
    const from = this.#state.cursor + 1;
    const events = await this.#count(known, { after: cursor, through: head, cursor, lanes: [] });
    if (!events.ok) return events;
    const skipped = cursor > this.#state.cursor ? await this.#skipped(known, cursor) : ok(0);
    if (!skipped.ok) return skipped;
    const answer = { from, to: cursor + 1, events: events.value, cancelled: skipped.value };
    if (dryRun) return ok(answer);
    if (this.#state.known?.runtime.phase === "live") this.#move(this.#state.known, cursor);
    return ok(answer);
  }

  #move(known: Known, cursor: number): void {
    const state = this.#state;
    const { runtime } = known;
    const now = this.#deps.now();
    if (cursor > state.cursor) this.#forward(known, cursor, now);
    else this.#backward(known, cursor);
    runtime.floor = cursor + 1;
    state.moveTo(cursor);
    state.commit();
    this.#deps.alarm(now);
  }

  #forward(known: Known, cursor: number, now: number): void {
    const state = this.#state;
    for (const key of [...state.lanes.waiting.keys()]) this.#endLane(key);
    for (const offset of [...state.skips]) if (offset <= cursor) state.dropSkip(offset);
    const tried: Hole[] = [];
    for (const hole of [...state.holes.values()]) {
      if (hole.offset > cursor) continue;
      this.#drop(known, hole);
      if (hole.attempts > 0 && !state.flights.has(hole.offset)) tried.push(hole);
    }
    const events = tried.map(({ eventId, offset, type, key }) => ({ id: eventId, offset, type, key }));
    recordUntried(state, known, events, { fin: "cancelled", version: this.#deps.version, now });
    // What is under way may end; if it fails, it is cancelled like the others.
    known.runtime.skippedBelow = cursor + 1;
  }

  #backward(known: Known, cursor: number): void {
    const state = this.#state;
    const { runtime } = known;
    runtime.soughtThrough = Math.max(runtime.soughtThrough, state.cursor);
    runtime.skippedBelow = Math.min(runtime.skippedBelow, cursor + 1);
    for (const [key, next] of [...state.lanes.waiting]) if (next > cursor) this.#endLane(key);
    // They come again with the others; their numbers are in the delivery log.
    for (const hole of [...state.holes.values()]) if (hole.offset > cursor) this.#drop(known, hole);
  }

  #drop(known: Known, hole: Hole): void {
    const state = this.#state;
    state.dropHole(hole.offset);
    // One under way is settled when it ends.
    if (!state.flights.has(hole.offset)) state.lanes.settle(hole.key);
    leftRedrive(state, known, hole, "done");
  }

  #endLane(key: string): void {
    this.#state.lanes.end(key);
    this.#state.touchLane(key);
  }

  /** What waits at or below `cursor`: tried and not settled, behind a blocked key, or beyond the present cursor. */
  async #skipped(known: Known, cursor: number): Promise<Result<number, Problem>> {
    const { lanes, holes, flights } = this.#state;
    const waiting = [...lanes.waiting];
    const present = this.#state.cursor;
    const after = Math.min(present + 1, ...waiting.map(([, next]) => next)) - 1;
    const counted = await this.#count(known, { after, through: cursor, cursor: present, lanes: waiting });
    if (!counted.ok) return counted;
    const unsettled = [...holes.values()].filter((hole) => hole.offset <= cursor && !flights.has(hole.offset)).length;
    const passedOver = [...this.#state.skips].filter((offset) => offset <= cursor).length;
    return ok(Math.max(0, counted.value + unsettled - passedOver));
  }

  async #count(known: Known, range: CountRange): Promise<Result<number, Problem>> {
    const { tenant, topic, id } = known.config;
    let count = 0;
    for (let after = range.after; after < range.through; ) {
      const part = await this.#deps.topicLog(tenant, topic).countFor(id, { ...range, after });
      if (!part.ok) return err(part.error);
      count += part.value.count;
      if (part.value.scannedTo <= after) break;
      after = part.value.scannedTo;
    }
    return ok(count);
  }
}
