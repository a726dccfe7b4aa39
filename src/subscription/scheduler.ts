import { batchedBytes } from "../core/batch.ts";
import type { LogEvent } from "../core/event.ts";
import {
  BATCH_SEND_MAX_BYTES,
  CLOCK_SKEW_MAX_MS,
  HOLES_MAX,
  LANES_MAX,
  PLACE_WAIT_MAX_BYTES,
  PLACE_WAIT_MAX_MS,
  PULL_LOW_WATER_EVENTS,
  PULL_MAX_EVENTS,
  REREAD_AHEAD_MS,
  REREAD_MAX_EVENTS,
  SENDS_PER_PLACE_MAX,
} from "../core/limits.ts";
import type { FetchRequest } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import { dueGroup, unblockedHoles } from "./due.ts";
import { type Candidate, isBatched, Leases, targetOf } from "./leases.ts";
import type { Hole } from "./model.ts";
import { Pace } from "./pace.ts";
import type { BatchPolicy, Part, Send, Trigger } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

/** How much the newest send says of what the next will take. */
const SEND_MS_WEIGHT = 0.2;

/** Chooses what is sent next, and what has to be read for it. Synchronous: a lease is one turn, then a commit. */
export class Scheduler {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #pace = new Pace();
  /** What a send takes, of late; null = not known. Memory only. */
  #sendMs: number | null = null;
  readonly #leases: Leases;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
    this.#leases = new Leases(deps, state);
  }

  /** Whether anything may be sent now: all of it, one probe, or nothing. */
  mode(known: Known, now: number): "all" | "probe" | "none" {
    const { phase, state, health, quietUntil } = known.runtime;
    if (phase !== "live" || state !== "active") return "none";
    if (health.state === "failing") {
      return this.#state.flights.size === 0 && now >= (health.nextProbeAt ?? 0) ? "probe" : "none";
    }
    return now >= quietUntil ? "all" : "none";
  }

  /**
   * When a hole is due: at once if a hold has ended since it was made, or if it has no time of its own (nothing is sent
   * during a hold or while disabled anyway, so once something may be sent, it may).
   */
  dueAt(known: Known, hole: Hole): number {
    if (hole.exhausted) return Number.POSITIVE_INFINITY;
    if (hole.since < known.runtime.reopenedAt) return 0;
    return hole.dueAt ?? 0;
  }

  /** Leases sends for up to `max` places of a deliverer (null: a new one). Nothing is durable before the caller commits. */
  lease(known: Known, max: number, deliverer: number | null, now: number): Part | null {
    const mode = this.mode(known, now);
    const free = known.config.concurrency - this.#leases.places();
    const places = Math.min(max, free, mode === "probe" ? 1 : max);
    if (places <= 0) return null;
    const most = places * (mode === "all" ? this.#sendsPerPlace(known, free) : 1);
    const sends: Send[] = [];
    let id = deliverer;
    let bytes = 0;
    while (sends.length < most && (sends.length < places || bytes < PLACE_WAIT_MAX_BYTES)) {
      const startAt = this.#pace.startAt(known.config, now);
      const members = startAt === null ? null : this.#members(known, mode, now);
      if (startAt === null || members === null) break;
      const row = this.#leases.rowFor(known, id, { sends: members.length, now });
      id ??= row.id;
      if (sends.length === 0) this.#leases.grant(id, places);
      sends.push(this.#leases.begin(known, members, { row, deliverer: id, now, startAt }));
      this.#pace.begun(known.config, startAt);
      for (const { event } of members) bytes += event.data.byteLength;
    }
    if (id === null || sends.length === 0) return null;
    const { config } = known;
    return {
      deliverer: id,
      subscription: `${config.tenant}/${config.id}`,
      leasedAt: now,
      places,
      target: targetOf(config, now),
      sends,
    };
  }

  /** A send has come to its end. */
  took(milliseconds: number): void {
    this.#sendMs = this.#sendMs === null ? milliseconds : this.#sendMs + (milliseconds - this.#sendMs) * SEND_MS_WEIGHT;
  }

  /**
   * More than one while there is a backlog for all free places and sends are fast: none waits for a place behind others
   * while another is free, and all are begun in time.
   */
  #sendsPerPlace({ config }: Known, free: number): number {
    if (this.#sendMs === null || config.rateLimit !== null || config.batch !== null) return 1;
    const inTime = Math.floor(PLACE_WAIT_MAX_MS / Math.max(1, this.#sendMs));
    return Math.max(1, Math.min(SENDS_PER_PLACE_MAX, inTime, Math.floor(this.#state.buffer.length / free)));
  }

  /** What the next fetch from the log should bring; null when nothing is missing. */
  wanted(
    known: Known,
    now: number,
  ): Omit<FetchRequest, "subscription" | "incarnation" | "filterVersion" | "floor"> | null {
    const mode = this.mode(known, now);
    const offsets = this.#wantedOffsets(known, mode, now);
    if (mode === "none") return offsets.length === 0 ? null : { offsets, lanes: [], after: null, maxEvents: 0 };
    const lanes = this.#wantedLanes();
    const state = this.#state;
    const lowWater = Math.max(PULL_LOW_WATER_EVENTS, known.config.batch?.maxEvents ?? 0);
    const crowded = state.holes.size >= HOLES_MAX || state.lanes.waiting.size >= LANES_MAX;
    const after = state.caughtUp || crowded || state.buffer.length >= lowWater ? null : state.scannedTo;
    if (offsets.length === 0 && lanes.length === 0 && after === null) return null;
    return { offsets, lanes, after, maxEvents: Math.max(PULL_MAX_EVENTS, known.config.batch?.maxEvents ?? 0) };
  }

  /** Whether a lease would find something in memory right now. */
  hasReady(known: Known, now: number): boolean {
    return this.#hasRoom(known, now) && this.openAt(known, now) <= now;
  }

  /** When something that is in memory may be sent: now, or when rate limit or batch let it; Infinity: there is nothing. */
  openAt(known: Known, now: number): number {
    if (!this.#hasRoom(known, now)) return Number.POSITIVE_INFINITY;
    const ready = this.#readyAt(known, now);
    return Number.isFinite(ready) ? Math.max(ready, this.#pace.leasableAt(known.config, now)) : ready;
  }

  #hasRoom(known: Known, now: number): boolean {
    return this.mode(known, now) === "all" && this.#leases.places() < known.config.concurrency;
  }

  #readyAt(known: Known, now: number): number {
    if (known.config.batch !== null ? this.#dueGroup(known, now) !== null : this.#dueHole(known, now) !== null)
      return now;
    const { lanes, buffer, heads } = this.#state;
    for (const [key] of lanes.ready()) if (heads.has(key)) return now;
    const [first] = buffer;
    if (first === undefined || lanes.next(first.key) === "stop") return Number.POSITIVE_INFINITY;
    return known.config.batch === null ? now : this.#batchOpenAt(known.config.batch, first, now);
  }

  /** Full, or as old as it may become. */
  #batchOpenAt({ maxEvents, maxWaitMilliseconds }: BatchPolicy, first: LogEvent, now: number): number {
    const { buffer } = this.#state;
    const bytes = buffer.reduce((sum, event) => sum + batchedBytes(event), 0);
    if (buffer.length >= maxEvents || bytes >= BATCH_SEND_MAX_BYTES) return now;
    // The log's time never goes back; the machine's clock may have been set back since.
    if (first.receivedAt > now + CLOCK_SKEW_MAX_MS) return now;
    return Math.max(now, first.receivedAt + maxWaitMilliseconds);
  }

  /** The earliest moment at which a hole is due; Infinity if none has one. */
  nextRetryAt(known: Known): number {
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...unblockedHoles(this.#state, isBatched(known)).map((hole) => this.dueAt(known, hole)),
    );
  }

  #wantedOffsets(known: Known, mode: "all" | "probe" | "none", now: number): number[] {
    if (mode !== "all") {
      const hole = this.#manualHole(known, now) ?? (mode === "probe" ? this.#probeHole(known) : null);
      const wanted = hole === null ? [] : this.#groupOf(known, hole);
      return wanted.map(({ offset }) => offset).filter((offset) => !this.#state.payloads.has(offset));
    }
    const offsets: number[] = [];
    const most = Math.max(REREAD_MAX_EVENTS, known.config.batch?.maxEvents ?? 0);
    for (const hole of unblockedHoles(this.#state, isBatched(known))) {
      if (offsets.length === most) break;
      if (this.#state.payloads.has(hole.offset)) continue;
      if (this.dueAt(known, hole) <= now + REREAD_AHEAD_MS) offsets.push(hole.offset);
    }
    return offsets;
  }

  #wantedLanes(): FetchRequest["lanes"][number][] {
    const { lanes, heads, cursor } = this.#state;
    const ready: FetchRequest["lanes"][number][] = [];
    const later: FetchRequest["lanes"][number][] = [];
    for (const [key, next] of lanes.waiting) {
      if (heads.has(key) || next > cursor) continue;
      const lane = { key, from: next, to: cursor };
      if (lanes.isReady(key)) ready.push(lane);
      // Its predecessor is under way: read ahead, so that the report can take it at once.
      else if (later.length < REREAD_MAX_EVENTS && lanes.isBusy(key)) later.push(lane);
      if (ready.length === REREAD_MAX_EVENTS) break;
    }
    return [...ready, ...later].slice(0, REREAD_MAX_EVENTS);
  }

  /** What the next request carries: one event, or a batch. */
  #members(known: Known, mode: "all" | "probe" | "none", now: number): readonly Candidate[] | null {
    if (mode === "all" && known.config.batch !== null) return this.#batch(known, known.config.batch, now);
    const candidate = this.#candidate(known, mode, now);
    if (candidate === null) return null;
    const hole = this.#state.holes.get(candidate.event.offset);
    if (hole === undefined) return [candidate];
    const group = this.#groupOf(known, hole);
    const members = group.flatMap((one) => {
      const event = this.#state.payloads.get(one.offset);
      return event === undefined ? [] : [retryOf(one, event, candidate.trigger)];
    });
    return members.length === group.length ? members : null;
  }

  /** All that is retried together with this hole. */
  #groupOf(known: Known, hole: Hole): Hole[] {
    if (!isBatched(known) || hole.batch === undefined) return [hole];
    return [...this.#state.holes.values()]
      .filter(({ batch }) => batch === hole.batch)
      .sort((one, other) => one.offset - other.offset);
  }

  #batch(known: Known, policy: BatchPolicy, now: number): Candidate[] | null {
    const due = this.#dueGroup(known, now);
    if (due !== null) return due;
    if (this.#readyAt(known, now) > now) return null;
    const members: Candidate[] = [];
    for (let bytes = 0; members.length < policy.maxEvents && bytes < BATCH_SEND_MAX_BYTES; ) {
      const candidate = this.#laneHead(known) ?? this.#fresh(known);
      if (candidate === null) break;
      members.push(candidate);
      bytes += batchedBytes(candidate.event);
    }
    // In log order; of lanes and fresh events a key is only ever in one.
    return members.length === 0 ? null : members.sort((one, other) => one.event.offset - other.event.offset);
  }

  /** A batch whose retry is due, with the members it had; else those due that are in none yet, as a new one. */
  #dueGroup(known: Known, now: number): Candidate[] | null {
    const { payloads } = this.#state;
    const group = dueGroup(this.#state, known.config.batch?.maxEvents ?? 1, (hole) => this.dueAt(known, hole) <= now);
    const members = group.flatMap((hole) => {
      const event = payloads.get(hole.offset);
      return event === undefined ? [] : [retryOf(hole, event, hole.trigger)];
    });
    return members.length === 0 ? null : members;
  }

  #candidate(known: Known, mode: "all" | "probe" | "none", now: number): Candidate | null {
    if (mode === "all") return this.#next(known, now);
    const manual = this.#manualHole(known, now);
    const event = manual === null ? undefined : this.#state.payloads.get(manual.offset);
    if (manual !== null && event !== undefined) return retryOf(manual, event, "manual");
    return mode === "probe" ? this.#probe(known) : null;
  }

  /** What a person asked to try now is tried now, also during a hold or while the subscriber asked for quiet. */
  #manualHole(known: Known, now: number): Hole | null {
    const { phase, state } = known.runtime;
    if (phase !== "live" || state !== "active") return null;
    const asked = unblockedHoles(this.#state, isBatched(known)).find(
      (hole) => hole.trigger === "manual" && this.dueAt(known, hole) <= now,
    );
    return asked ?? null;
  }

  #next(known: Known, now: number): Candidate | null {
    return this.#retry(known, now) ?? this.#laneHead(known) ?? this.#fresh(known);
  }

  #retry(known: Known, now: number): Candidate | null {
    const hole = this.#dueHole(known, now);
    const event = hole === null ? undefined : this.#state.payloads.get(hole.offset);
    return hole === null || event === undefined ? null : retryOf(hole, event, hole.trigger);
  }

  /** The due hole of the lowest offset whose event is in memory. */
  #dueHole(known: Known, now: number): Hole | null {
    const { payloads } = this.#state;
    let best: Hole | null = null;
    for (const hole of unblockedHoles(this.#state, false)) {
      if (best !== null && best.offset < hole.offset) continue;
      if (payloads.has(hole.offset) && this.dueAt(known, hole) <= now) best = hole;
    }
    return best;
  }

  #laneHead(known: Known): Candidate | null {
    const { lanes, heads, cursor } = this.#state;
    for (const [key, next] of lanes.ready()) {
      const head = heads.get(key);
      if (head === undefined) {
        if (next > cursor) this.#endLane(key);
        continue;
      }
      heads.delete(key);
      lanes.advance(key, head.event.offset + 1);
      this.#state.touchLane(key);
      if (this.#skipped(head.event.offset)) continue;
      return this.#first(known, head.event, head.previous);
    }
    return null;
  }

  /** All that waited has gone. */
  #endLane(key: string): void {
    this.#state.lanes.end(key);
    this.#state.touchLane(key);
  }

  /** The first attempt of an event, or, when a seek brings it again, the next one. */
  #first(known: Known, event: LogEvent, previous: number): Candidate {
    const { offset } = event;
    const attempt = (this.#state.earlier.get(offset)?.attempts ?? 0) + 1;
    this.#state.earlier.delete(offset);
    if (offset > known.runtime.soughtThrough) return { event, previous, attempt, trigger: "fan-out" };
    this.#forgetDeath(offset);
    return { event, previous, attempt, trigger: "seek" };
  }

  #forgetDeath(offset: number): void {
    const letter = this.#state.letter(offset);
    if (letter === null) return;
    this.#state.dropLetter(offset);
    this.#state.addOutbox({ kind: "dead-letter", action: "remove", letter }, this.#deps.now());
  }

  #fresh(known: Known): Candidate | null {
    const state = this.#state;
    for (let event = state.buffer[0]; event !== undefined; event = state.buffer[0]) {
      const verdict = state.lanes.next(event.key);
      // Begun before a seek and still under way: what comes again waits for its end.
      if (state.flights.has(event.offset)) return null;
      if (verdict === "stop" || state.holes.size >= HOLES_MAX) return null;
      if (verdict === "wait" && event.key !== null) {
        if (state.lanes.waiting.size >= LANES_MAX && !state.lanes.waiting.has(event.key)) return null;
        if (state.lanes.wait(event.key, event.offset)) state.touchLane(event.key);
      }
      const previous = state.lastMatched;
      state.buffer.shift();
      state.lastMatched = event.offset;
      state.cursor = state.buffer.length === 0 ? state.scannedTo : event.offset;
      if (verdict === "go" && !this.#skipped(event.offset)) return this.#first(known, event, previous);
    }
    return null;
  }

  #skipped(offset: number): boolean {
    if (!this.#state.skips.has(offset)) return false;
    this.#state.dropSkip(offset);
    return true;
  }

  #probe(known: Known): Candidate | null {
    const hole = this.#probeHole(known);
    if (hole !== null) {
      const event = this.#state.payloads.get(hole.offset);
      if (event === undefined) return null;
      known.runtime.probed = hole.offset;
      return retryOf(hole, event, "probe");
    }
    const candidate = this.#laneHead(known) ?? this.#fresh(known);
    return candidate === null ? null : { ...candidate, trigger: "probe" };
  }

  /** Probes go round the holes, so that one poison event does not stop recovery. */
  #probeHole(known: Known): Hole | null {
    const holes = [...this.#state.holes.values()].filter((hole) => !hole.exhausted).sort((a, b) => a.offset - b.offset);
    if (known.config.ordering === "topic") return holes[0] ?? null;
    return holes.find((hole) => hole.offset > known.runtime.probed) ?? holes[0] ?? null;
  }
}

const retryOf = (hole: Hole, event: LogEvent, trigger: Trigger): Candidate => ({
  event,
  previous: hole.previous,
  attempt: hole.attempts + 1,
  trigger,
});
