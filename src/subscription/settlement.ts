import { interruptionIsFailure, type Outcome, outcomeOf, probeDelayMs } from "../core/outcome.ts";
import type { DeadLetter } from "../directory/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Entry, Flight, Hole } from "./model.ts";
import type { AttemptErrorCode, DeadReason, SendResult } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

type Finished = Extract<SendResult, { kind: "answered" | "failed" }>;

const INTERRUPTED = { code: "connection" as const, message: "Sending it was cut off several times in a row." };

/** What becomes of events when their attempts end: the only place that settles, and that moves health. */
export class Settlement {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** One result of a deliverer. A repeated report changes nothing. */
  apply(known: Known, result: SendResult, now: number): void {
    const flight = this.#state.flights.get(result.offset);
    if (flight === undefined || flight.entry.a !== result.attemptId) {
      if (result.kind !== "unsent") this.#late(known, result, now);
      return;
    }
    this.#state.touchRow(flight.row);
    if (result.kind === "unsent") {
      this.#unsent(flight, now);
      return;
    }
    const arrivedBefore = flight.entry.fin === "delivered";
    record(flight.entry, result);
    const success = isSuccess(result);
    const probe = flight.entry.g === "probe";
    this.#health(known, success, result.error, { now, retryAfter: result.retryAfterMilliseconds, probe });
    if (result.statusCode === 429 && result.retryAfterMilliseconds !== null) {
      known.runtime.quietUntil = Math.max(known.runtime.quietUntil, now + result.retryAfterMilliseconds);
      this.#state.touchRuntime();
    }
    this.#end(flight);
    if (success || arrivedBefore) this.#delivered(flight.entry);
    else this.#judge(known, flight.entry, { ...result, success }, now);
  }

  /** Ends the leases whose time is up: their sends are interrupted, and due again. Returns how many. */
  expire(known: Known, now: number): number {
    let expired = 0;
    for (const flight of [...this.#state.flights.values()]) {
      if (flight.expiresAt > now) continue;
      expired += 1;
      flight.entry.out = "interrupted";
      this.#state.touchRow(flight.row);
      this.#end(flight);
      if (flight.entry.fin === "delivered") this.#delivered(flight.entry);
      else this.#interrupted(known, flight.entry, now);
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
    this.#state.putLetter(letter);
    this.#state.addOutbox({ kind: "dead-letter", action: "add", letter }, now);
    this.#deps.log("settled", { subscription: config.id, eventId: hole.eventId, as: "dead", reason });
  }

  #unsent(flight: Flight, now: number): void {
    const { row, entry } = flight;
    row.entries = row.entries.filter((one) => one !== entry);
    this.#end(flight);
    if (entry.fin === "delivered") {
      this.#delivered(entry);
      return;
    }
    const before = this.#state.holes.get(entry.o);
    const hole = before ?? { ...holeOf(entry, now), attempts: entry.n - 1, trigger: entry.g };
    this.#state.setHole({ ...hole, dueAt: now, since: now });
  }

  #interrupted(known: Known, entry: Entry, now: number): void {
    const before = this.#state.holes.get(entry.o) ?? holeOf(entry, now);
    const interruptions = before.interruptions + 1;
    const hole: Hole = { ...before, attempts: entry.n, interruptions, dueAt: now, since: now, trigger: "retry" };
    this.#state.setHole(hole);
    if (!interruptionIsFailure(interruptions)) return;
    this.#state.setHole({ ...hole, interruptions: 0 });
    this.#health(known, false, INTERRUPTED, { now, retryAfter: null, probe: entry.g === "probe" });
    const facts = { success: false, statusCode: null, retryAfterMilliseconds: null, instruction: null };
    this.#judge(known, entry, facts, now);
  }

  /** A report that came after its lease had expired: recorded, and a success settles. */
  #late(known: Known, result: Finished, now: number): void {
    const row = this.#state.row(result.lease);
    const entry = row?.entries.find((one) => one.o === result.offset && one.a === result.attemptId);
    if (row === null || entry === undefined || entry.out !== "interrupted") return;
    record(entry, result);
    this.#state.touchRow(row);
    if (!isSuccess(result)) return;
    entry.fin = "delivered";
    this.#health(known, true, null, { now, retryAfter: null, probe: false });
    const flight = this.#state.flights.get(result.offset);
    const hole = this.#state.holes.get(result.offset);
    if (flight !== undefined) {
      // Whatever comes of the attempt under way; written with it, so that a restart knows as well.
      flight.entry.fin = "delivered";
      this.#state.touchRow(flight.row);
    } else if (hole !== undefined) {
      this.#state.dropHole(hole.offset);
      this.#state.lanes.settle(hole.key);
    } else if (this.#state.letter(result.offset) !== null) this.#revive(result.offset, now);
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

  #delivered(entry: Entry): void {
    entry.fin = "delivered";
    this.#state.dropHole(entry.o);
    this.#state.lanes.settle(entry.k);
  }

  #judge(known: Known, entry: Entry, facts: Parameters<typeof outcomeOf>[0], now: number): void {
    const { retry } = known.config;
    const before = this.#state.holes.get(entry.o) ?? holeOf(entry, now);
    const failing = known.runtime.health.state === "failing" || entry.g === "probe";
    const outcome = outcomeOf(facts, { ...retry, failures: before.failures, failing, chance: this.#deps.chance() });
    const interruptions = entry.out === "interrupted" ? before.interruptions : 0;
    const hole: Hole = {
      ...before,
      attempts: entry.n,
      interruptions,
      since: now,
      last: lastAttempt(entry),
      trigger: "retry",
    };
    this.#place(known, entry, hole, outcome, now);
  }

  #place(known: Known, entry: Entry, hole: Hole, outcome: Outcome, now: number): void {
    switch (outcome.kind) {
      case "delivered":
        this.#delivered(entry);
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
        if (outcome.disable !== null) this.disable(known, outcome.disable);
    }
  }

  disable(known: Known, reason: string): void {
    if (known.runtime.state === "disabled") return;
    known.runtime.state = "disabled";
    known.runtime.disabledReason = reason;
    this.#state.touchRuntime();
    this.#deps.log("subscription-disabled", { subscription: known.config.id, reason });
  }

  #health(
    known: Known,
    success: boolean,
    error: { readonly code: AttemptErrorCode; readonly message: string } | null,
    at: { now: number; retryAfter: number | null; probe: boolean },
  ): void {
    const { runtime, config } = known;
    const before = runtime.health;
    if (success) {
      runtime.health = { ...before, lastSuccessAt: at.now };
      if (before.consecutiveFailures === 0 && before.state === "healthy") return;
      runtime.health = {
        ...runtime.health,
        state: "healthy",
        consecutiveFailures: 0,
        failingSince: null,
        nextProbeAt: null,
      };
      if (before.state === "failing") runtime.reopenedAt = at.now;
      runtime.probes = 0;
      this.#state.touchRuntime();
      return;
    }
    const consecutiveFailures = before.consecutiveFailures + 1;
    const failingSince = before.failingSince ?? at.now;
    const limit = config.retry.holdAfterFailures;
    const held = before.state === "failing" || (limit !== null && consecutiveFailures >= limit);
    if (before.state === "failing" && at.probe) runtime.probes += 1;
    // What was under way when the hold began puts off no probe, unless by its Retry-After.
    const asked = at.now + (at.retryAfter ?? 0);
    const next =
      before.state === "failing" && !at.probe
        ? Math.max(before.nextProbeAt ?? at.now, asked)
        : at.now + probeDelayMs(runtime.probes, at.retryAfter);
    const nextProbeAt = held ? next : null;
    runtime.health = {
      ...before,
      state: held ? "failing" : "healthy",
      consecutiveFailures,
      failingSince,
      lastError: error,
      lastFailureAt: at.now,
      nextProbeAt,
    };
    this.#state.touchRuntime();
    const patience = config.disableAfterSeconds;
    if (patience !== null && at.now - failingSince >= patience * 1000) this.disable(known, "failing");
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
