import { type Problem, problem } from "../core/errors.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { History } from "./history.ts";
import type { Hole } from "./model.ts";
import type { Delivery } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";
import { recordUntried } from "./untried.ts";

const conflict = (detail: string): Result<null, Problem> => err(problem("conflict", detail));

/** What a person does to one delivery: try it now, or give it up. */
export class Manual {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #history: History;

  constructor(deps: SubscriptionDeps, parts: { state: SubscriptionState; history: History }) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#history = parts.history;
  }

  /**
   * One attempt now. Restarts the schedule, never the attempt numbers (API clause 7.4). What went in a batch goes with all
   * of it: its members never change (6.2). `previous`: the offset matched before, in case it was never tried.
   */
  retry(known: Known, delivery: Delivery, previous: number): Result<null, Problem> {
    const { offset, key } = delivery;
    if (known.runtime.state !== "active") return conflict("The subscription is not active; resume it first.");
    if (this.#state.flights.has(offset)) return conflict("An attempt is under way.");
    const hole = this.#state.holes.get(offset);
    if (hole === undefined && delivery.state === "pending") {
      return conflict("It waits for its turn behind an unsettled event, or for the backlog before it.");
    }
    const together = hole === undefined ? [] : this.#together(known, hole);
    if ([{ offset, key }, ...together].some((one) => this.#blockedBefore(one.offset, one.key, together))) {
      return conflict("An earlier event that it has to wait for is not settled yet.");
    }
    const now = this.#deps.now();
    if (hole === undefined) this.#reopen(delivery, previous, now);
    for (const one of together) {
      this.#state.setHole({ ...one, dueAt: now, failures: 0, exhausted: false, since: now, trigger: "manual" });
    }
    this.#state.commit();
    this.#deps.alarm(now);
    return ok(null);
  }

  /** Settled as cancelled; of an event that was never tried, before its turn comes. */
  cancel(known: Known, delivery: Delivery): Result<null, Problem> {
    const { offset } = delivery;
    if (this.#state.flights.has(offset)) return conflict("An attempt is under way.");
    if (delivery.state === "cancelled") return ok(null);
    if (delivery.state === "delivered") return conflict("It was delivered.");
    const now = this.#deps.now();
    const hole = this.#state.holes.get(offset);
    const letter = this.#state.letter(offset);
    if (hole !== undefined) {
      this.#state.dropHole(offset);
      this.#state.lanes.settle(hole.key);
    } else if (letter !== null) {
      this.#state.dropLetter(offset);
      this.#state.addOutbox({ kind: "dead-letter", action: "remove", letter }, now);
    } else {
      this.#state.addSkip(offset);
    }
    const event = { id: delivery.eventId, offset, type: delivery.type, key: delivery.key };
    recordUntried(this.#state, known, [event], { fin: "cancelled", version: this.#deps.version, now });
    this.#state.commit();
    this.#deps.alarm(now);
    return ok(null);
  }

  /** What is retried in one request with it, itself included. */
  #together({ config }: Known, hole: Hole): Hole[] {
    if (config.batch === null || hole.batch === undefined) return [hole];
    return [...this.#state.holes.values()].filter(({ batch }) => batch === hole.batch);
  }

  /**
   * In key order by an earlier event of its key, in topic order by any earlier event. What waits in the log comes after
   * an event that is unsettled itself (it may be the one that they all wait for).
   */
  #blockedBefore(offset: number, key: string | null, together: readonly Hole[]): boolean {
    const { holes, flights, lanes, cursor } = this.#state;
    const { ordering } = lanes;
    if (ordering === "none" || (ordering === "key" && key === null)) return false;
    const counts = (other: string | null) => ordering === "topic" || other === key;
    for (const hole of holes.values()) {
      if (hole.offset < offset && counts(hole.key) && !together.includes(hole)) return true;
    }
    for (const { entry } of flights.values()) if (entry.o < offset && counts(entry.k)) return true;
    if (holes.has(offset)) return false;
    for (const [other, next] of lanes.waiting) if (next < offset && counts(other)) return true;
    // Cancelled before its turn: what is between the cursor and it has not been looked at yet.
    return offset > cursor;
  }

  /** A settled event becomes unsettled again, with the attempt numbers it had. */
  #reopen(delivery: Delivery, untriedPrevious: number, now: number): void {
    const { offset, key, eventId, type } = delivery;
    const tried = this.#history.attemptsAt(offset).find(({ entry }) => entry.n > 0);
    const previous = tried?.entry.p ?? untriedPrevious;
    const attempts = Math.max(0, ...delivery.attempts.map((attempt) => attempt.number));
    const letter = this.#state.letter(offset);
    if (letter !== null) {
      this.#state.dropLetter(offset);
      this.#state.addOutbox({ kind: "dead-letter", action: "remove", letter }, now);
    }
    const hole: Hole = {
      ...{ offset, eventId, type, key, previous, attempts, failures: 0, interruptions: 0 },
      ...{ dueAt: now, exhausted: false, trigger: "manual", since: now, last: letter?.lastAttempt ?? null },
    };
    this.#state.setHole(hole);
    this.#state.lanes.begin(key);
  }
}
