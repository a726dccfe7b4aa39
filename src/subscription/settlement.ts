import { interruptionIsFailure, type Outcome, outcomeOf } from "../core/outcome.ts";
import type { DeadLetter } from "../directory/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { HealthKeeper } from "./health.ts";
import type { Entry, Flight, Hole } from "./model.ts";
import { leftRedrive } from "./redrive.ts";
import type { DeadReason, SendResult } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";
import { recordUntried } from "./untried.ts";

type Finished = Extract<SendResult, { kind: "answered" | "failed" }>;

const INTERRUPTED = { code: "connection" as const, message: "Sending it was cut off several times in a row." };

/** What becomes of events when their attempts end: the only place that settles. */
export class Settlement {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #health: HealthKeeper;

  constructor(deps: SubscriptionDeps, state: SubscriptionState, health: HealthKeeper) {
    this.#deps = deps;
    this.#state = state;
    this.#health = health;
  }

  /** One result of a deliverer. A repeated report changes nothing. */
  apply(known: Known, result: SendResult, now: number): void {
    const flight = this.#state.flights.get(result.offset);
    if (flight === undefined || flight.entry.a !== result.attemptId) {
      if (result.kind !== "unsent") this.#late(known, result, now);
      return;
    }
    this.#state.touchRow(flight.row);
    const flights = this.#together(flight);
    if (result.kind === "unsent") {
      for (const one of flights) this.#unsent(known, one, now);
      return;
    }
    record(flight.entry, result);
    for (const { entry } of flights) entry.out = flight.entry.out;
    const success = isSuccess(result);
    const probe = flight.entry.g === "probe";
    if (success) this.#health.succeeded(known, now);
    else this.#health.failed(known, result.error, { now, retryAfter: result.retryAfterMilliseconds, probe });
    if (result.statusCode === 429 && result.retryAfterMilliseconds !== null) {
      known.runtime.quietUntil = Math.max(known.runtime.quietUntil, now + result.retryAfterMilliseconds);
      this.#state.touchRuntime();
    }
    const failed: Entry[] = [];
    for (const one of flights) {
      this.#end(one);
      if (success || one.entry.fin === "delivered") this.#delivered(known, one.entry);
      else if (!this.#leave(known, one.entry)) failed.push(one.entry);
    }
    if (failed.length === 0) return;
    this.#judge(known, failed, { facts: { ...result, success }, last: lastAttempt(flight.entry), now });
  }

  /** All events of its request: one outcome for all of them. */
  #together(flight: Flight): Flight[] {
    if (flight.entry.m === undefined) return [flight];
    const { entries } = flight.row;
    return entries.flatMap((entry) => (entry.a === flight.entry.a ? (this.#state.flights.get(entry.o) ?? []) : []));
  }

  /** Ends the leases whose time is up: their sends are interrupted, and due again. Returns how many. */
  expire(known: Known, now: number): number {
    let expired = 0;
    for (const flight of [...this.#state.flights.values()]) {
      // Ended already with the others of its request.
      if (flight.expiresAt > now || this.#state.flights.get(flight.entry.o) !== flight) continue;
      expired += 1;
      this.#state.touchRow(flight.row);
      const interrupted: Entry[] = [];
      for (const one of this.#together(flight)) {
        one.entry.out = "interrupted";
        this.#end(one);
        if (one.entry.fin === "delivered") this.#delivered(known, one.entry);
        else if (!this.#leave(known, one.entry)) interrupted.push(one.entry);
      }
      this.#interrupted(known, interrupted, now);
    }
    return expired;
  }

  /** Settles an unsettled event that will not be delivered. */
  die(known: Known, hole: Hole, reason: DeadReason, now: number): void {
    this.#state.dropHole(hole.offset);
    this.#state.lanes.settle(hole.key);
    const { config } = known;
    const letter: DeadLetter = {
      eventId: hole.eventId,
      topic: config.topic,
      partition: 0,
      offset: hole.offset,
      type: hole.type,
      key: hole.key,
      subscription: config.id,
      url: config.url,
      reason,
      attempts: hole.attempts,
      deadAt: now,
      lastAttempt: hole.last,
    };
    leftRedrive(this.#state, known, hole, "failed");
    this.#state.putLetter({
      ...letter,
      previous: hole.previous,
      ...(hole.row === undefined ? {} : { row: hole.row }),
    });
    this.#state.addOutbox({ kind: "dead-letter", action: "add", letter }, now);
    this.#deps.log("settled", { subscription: config.id, eventId: hole.eventId, as: "dead", reason });
  }

  /**
   * An attempt that began before a seek and did not succeed: its event comes again by itself, or was skipped and is
   * cancelled. False: there was no such seek.
   */
  #leave(known: Known, entry: Entry): boolean {
    const comesAgain = this.#state.comesAgain(entry.o, entry.k);
    const skipped = entry.o < known.runtime.skippedBelow;
    if (!comesAgain && !skipped) return false;
    if (!comesAgain) entry.fin = "cancelled";
    this.#settled(known, entry);
    return true;
  }

  #settled(known: Known, entry: Entry): void {
    const hole = this.#state.holes.get(entry.o);
    if (hole !== undefined) leftRedrive(this.#state, known, hole, "done");
    this.#state.dropHole(entry.o);
    this.#state.lanes.settle(entry.k);
  }

  #unsent(known: Known, flight: Flight, now: number): void {
    const { row, entry } = flight;
    row.entries = row.entries.filter((one) => one !== entry);
    this.#end(flight);
    if (entry.fin === "delivered") {
      this.#delivered(known, entry);
      return;
    }
    if (this.#leave(known, entry)) {
      if (entry.fin === "cancelled" && entry.n > 1) this.#recordCancelled(known, entry, now);
      this.#state.forgetAttempt(entry.o, entry.n);
      return;
    }
    const before = this.#state.holes.get(entry.o);
    const hole = before ?? { ...holeOf(entry, now), attempts: entry.n - 1, trigger: entry.g };
    this.#state.setHole({ ...hole, dueAt: now, since: now });
  }

  #interrupted(known: Known, entries: readonly Entry[], now: number): void {
    const [first] = entries;
    if (first === undefined) return;
    let most = 0;
    for (const entry of entries) {
      const before = this.#holeOf(entry, now);
      const interruptions = before.interruptions + 1;
      most = Math.max(most, interruptions);
      this.#state.setHole({ ...before, attempts: entry.n, interruptions, dueAt: now, since: now, trigger: "retry" });
    }
    if (!interruptionIsFailure(most)) return;
    for (const entry of entries) this.#state.setHole({ ...this.#holeOf(entry, now), interruptions: 0 });
    this.#health.failed(known, INTERRUPTED, { now, retryAfter: null, probe: first.g === "probe" });
    const facts = { success: false, statusCode: null, retryAfterMilliseconds: null, instruction: null };
    this.#judge(known, entries, { facts, last: lastAttempt(first), now });
  }

  /** As it is, or as it becomes with its first attempt. What went in a batch is retried with the others of it. */
  #holeOf(entry: Entry, now: number): Hole {
    const hole = this.#state.holes.get(entry.o) ?? holeOf(entry, now);
    return entry.m === undefined || hole.batch !== undefined ? hole : { ...hole, batch: entry.a };
  }

  /** A report that came after its lease had expired: recorded, and a success settles. */
  #late(known: Known, result: Finished, now: number): void {
    const row = this.#state.row(result.lease);
    const entry = row?.entries.find((one) => one.o === result.offset && one.a === result.attemptId);
    if (row === null || entry === undefined || entry.out !== "interrupted") return;
    record(entry, result);
    this.#state.touchRow(row);
    const members = entry.m === undefined ? [entry] : row.entries.filter((one) => one.a === entry.a);
    for (const one of members) one.out = entry.out;
    if (!isSuccess(result)) return;
    this.#health.succeeded(known, now);
    for (const one of members) this.#arrivedLate(known, one, now);
  }

  #arrivedLate(known: Known, entry: Entry, now: number): void {
    entry.fin = "delivered";
    const flight = this.#state.flights.get(entry.o);
    const hole = this.#state.holes.get(entry.o);
    if (flight !== undefined) {
      // Whatever comes of the attempt under way; written with it, so that a restart knows as well.
      flight.entry.fin = "delivered";
      this.#state.touchRow(flight.row);
    } else if (hole !== undefined) {
      leftRedrive(this.#state, known, hole, "done");
      this.#state.dropHole(hole.offset);
      this.#state.lanes.settle(hole.key);
    } else if (this.#state.letter(entry.o) !== null) this.#revive(entry.o, now);
  }

  /** It was given up and turns out to have arrived. */
  #revive(offset: number, now: number): void {
    const letter = this.#state.letter(offset);
    if (letter === null) return;
    this.#state.dropLetter(offset);
    this.#state.addOutbox({ kind: "dead-letter", action: "remove", letter }, now);
  }

  #end(flight: Flight): void {
    this.#state.flights.delete(flight.entry.o);
  }

  #delivered(known: Known, entry: Entry): void {
    entry.fin = "delivered";
    this.#settled(known, entry);
  }

  /** It was tried before: its row has gone with the send that was never made. */
  #recordCancelled(known: Known, entry: Entry, now: number): void {
    const event = { id: entry.id, offset: entry.o, type: entry.t, key: entry.k };
    recordUntried(this.#state, known, [event], { fin: "cancelled", version: this.#deps.version, now });
  }

  /** What becomes of the events of one failed request: the same for all. */
  #judge(
    known: Known,
    entries: readonly Entry[],
    { facts, last, now }: { facts: Parameters<typeof outcomeOf>[0]; last: DeadLetter["lastAttempt"]; now: number },
  ): void {
    const [first] = entries;
    if (first === undefined) return;
    const { retry } = known.config;
    const failures = Math.max(...entries.map((entry) => this.#holeOf(entry, now).failures));
    const failing = known.runtime.health.state === "failing" || first.g === "probe";
    const outcome = outcomeOf(facts, { ...retry, failures, failing, chance: this.#deps.chance() });
    for (const entry of entries) {
      const before = this.#holeOf(entry, now);
      const interruptions = entry.out === "interrupted" ? before.interruptions : 0;
      const hole: Hole = { ...before, attempts: entry.n, interruptions, since: now, last, trigger: "retry" };
      this.#place(known, entry, hole, outcome, now);
    }
  }

  #place(known: Known, entry: Entry, hole: Hole, outcome: Outcome, now: number): void {
    switch (outcome.kind) {
      case "delivered":
        this.#delivered(known, entry);
        break;
      case "dead":
        entry.fin = "dead";
        this.die(known, hole, outcome.reason, now);
        break;
      case "retry":
        this.#state.setHole({ ...hole, failures: outcome.failures, dueAt: now + outcome.afterMilliseconds });
        break;
      case "held":
        this.#state.setHole({ ...hole, dueAt: null, exhausted: outcome.exhausted });
        if (outcome.disable !== null) this.#health.disable(known, outcome.disable, now);
    }
  }
}

/** Success is a 2xx head; what happened to the body afterwards changes nothing (API clause 6.3). */
const isSuccess = (result: Finished): boolean =>
  result.statusCode !== null && result.statusCode >= 200 && result.statusCode < 300 && result.error === null;

function record(entry: Entry, result: Finished): void {
  entry.out = isSuccess(result) ? "success" : "failure";
  entry.r = {
    s: result.startedAt,
    d: result.durationMilliseconds,
    c: result.statusCode,
    e: result.error,
    b: result.bodyBytes,
    x: result.response,
  };
}

const lastAttempt = (entry: Entry): DeadLetter["lastAttempt"] => ({
  startedAt: entry.r?.s ?? entry.l,
  statusCode: entry.r?.c ?? null,
  error: entry.r?.e ?? null,
});

const holeOf = (entry: Entry, now: number): Hole => ({
  offset: entry.o,
  eventId: entry.id,
  type: entry.t,
  key: entry.k,
  previous: entry.p,
  attempts: entry.n,
  failures: 0,
  interruptions: 0,
  dueAt: now,
  exhausted: false,
  trigger: "retry",
  since: now,
  last: null,
});
