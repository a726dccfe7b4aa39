import { requestContentType } from "../core/body.ts";
import type { LogEvent } from "../core/event.ts";
import {
  HOLES_MAX,
  LANES_MAX,
  LEASE_GRACE_MS,
  LEASE_ROW_MAX_BYTES,
  LEASE_ROW_MAX_SENDS,
  PULL_LOW_WATER_EVENTS,
  PULL_MAX_EVENTS,
  REREAD_AHEAD_MS,
  REREAD_MAX_EVENTS,
} from "../core/limits.ts";
import type { FetchRequest } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Hole, LeaseContext, LeaseRow } from "./model.ts";
import type { Part, Send, Trigger } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

interface Candidate {
  readonly event: LogEvent;
  readonly previous: number;
  readonly attempt: number;
  readonly trigger: Trigger;
}

/** Chooses what is sent next, and what has to be read for it. Synchronous: a lease is one turn, then a commit. */
export class Scheduler {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
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

  /** Leases up to `max` sends to a deliverer (null: a new one). Nothing is durable before the caller commits. */
  lease(known: Known, max: number, deliverer: number | null, now: number): Part | null {
    const mode = this.mode(known, now);
    const room = Math.min(max, known.config.concurrency - this.#state.flights.size, mode === "probe" ? 1 : max);
    if (room <= 0) return null;
    const sends: Send[] = [];
    let id = deliverer;
    while (sends.length < room) {
      const candidate = this.#candidate(known, mode, now);
      if (candidate === null) break;
      const row = this.#rowFor(known, id, now);
      id ??= row.id;
      sends.push(this.#begin(known, candidate, { row, deliverer: id, now }));
    }
    if (id === null || sends.length === 0) return null;
    const { config } = known;
    const live = config.secrets.filter((secret) => secret.expiresAt === null || secret.expiresAt > now);
    this.#deps.log("lease", { subscription: config.id, deliverer: id, sends: sends.length });
    const { tenant, topic, url, format, headers, timeoutSeconds } = config;
    const secrets = live.map((secret) => secret.ciphertext);
    return {
      deliverer: id,
      subscription: `${tenant}/${config.id}`,
      leasedAt: now,
      target: { id: config.id, tenant, topic, url, format, headers, timeoutSeconds, secrets },
      sends,
    };
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
    const crowded = state.holes.size >= HOLES_MAX || state.lanes.waiting.size >= LANES_MAX;
    const after = state.caughtUp || crowded || state.buffer.length >= PULL_LOW_WATER_EVENTS ? null : state.scannedTo;
    if (offsets.length === 0 && lanes.length === 0 && after === null) return null;
    return { offsets, lanes, after, maxEvents: PULL_MAX_EVENTS };
  }

  /** Whether a lease would find something in memory right now. */
  hasReady(known: Known, now: number): boolean {
    if (this.mode(known, now) !== "all" || this.#state.flights.size >= known.config.concurrency) return false;
    const { lanes, buffer } = this.#state;
    if (this.#dueHole(known, now) !== null) return true;
    for (const [key] of lanes.ready()) if (this.#state.heads.has(key)) return true;
    const first = buffer[0];
    return first !== undefined && lanes.next(first.key) !== "stop";
  }

  /** The earliest moment at which a hole is due; Infinity if none has one. */
  nextRetryAt(known: Known): number {
    const { holes, flights } = this.#state;
    // In topic order all others wait for the first, whenever they are due themselves.
    const first = known.config.ordering === "topic" ? Math.min(...holes.keys()) : null;
    let earliest = Number.POSITIVE_INFINITY;
    for (const hole of holes.values()) {
      if (flights.has(hole.offset) || (first !== null && hole.offset !== first)) continue;
      earliest = Math.min(earliest, this.dueAt(known, hole));
    }
    return earliest;
  }

  #wantedOffsets(known: Known, mode: "all" | "probe" | "none", now: number): number[] {
    if (mode !== "all") {
      const hole = this.#manualHole(known, now) ?? (mode === "probe" ? this.#probeHole(known) : null);
      return hole === null || this.#state.payloads.has(hole.offset) ? [] : [hole.offset];
    }
    const offsets: number[] = [];
    for (const hole of this.#state.holes.values()) {
      if (offsets.length === REREAD_MAX_EVENTS) break;
      if (this.#state.flights.has(hole.offset) || this.#state.payloads.has(hole.offset)) continue;
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
    const { holes, flights } = this.#state;
    if (phase !== "live" || state !== "active" || (known.config.ordering === "topic" && flights.size > 0)) return null;
    for (const hole of holes.values()) {
      if (hole.trigger === "manual" && !flights.has(hole.offset) && this.dueAt(known, hole) <= now) return hole;
    }
    return null;
  }

  #next(known: Known, now: number): Candidate | null {
    return this.#retry(known, now) ?? this.#laneHead() ?? this.#fresh();
  }

  #retry(known: Known, now: number): Candidate | null {
    const hole = this.#dueHole(known, now);
    const event = hole === null ? undefined : this.#state.payloads.get(hole.offset);
    return hole === null || event === undefined ? null : retryOf(hole, event, hole.trigger);
  }

  /** The due hole of the lowest offset whose event is in memory. In topic order nothing may be under way beside it. */
  #dueHole(known: Known, now: number): Hole | null {
    const { flights, holes, payloads } = this.#state;
    const topicOrder = known.config.ordering === "topic";
    if (topicOrder && flights.size > 0) return null;
    let best: Hole | null = null;
    for (const hole of holes.values()) {
      if (best !== null && best.offset < hole.offset) continue;
      if (!topicOrder && (flights.has(hole.offset) || !payloads.has(hole.offset))) continue;
      if (topicOrder || this.dueAt(known, hole) <= now) best = hole;
    }
    if (!topicOrder || best === null) return best;
    return this.dueAt(known, best) <= now && payloads.has(best.offset) ? best : null;
  }

  #laneHead(): Candidate | null {
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
      return { event: head.event, previous: head.previous, attempt: 1, trigger: "fan-out" };
    }
    return null;
  }

  /** All that waited has gone. */
  #endLane(key: string): void {
    this.#state.lanes.end(key);
    this.#state.touchLane(key);
  }

  #fresh(): Candidate | null {
    const state = this.#state;
    for (let event = state.buffer[0]; event !== undefined; event = state.buffer[0]) {
      const verdict = state.lanes.next(event.key);
      if (verdict === "stop" || state.holes.size >= HOLES_MAX) return null;
      if (verdict === "wait" && event.key !== null) {
        if (state.lanes.waiting.size >= LANES_MAX && !state.lanes.waiting.has(event.key)) return null;
        if (state.lanes.wait(event.key, event.offset)) state.touchLane(event.key);
      }
      const previous = state.lastMatched;
      state.buffer.shift();
      state.lastMatched = event.offset;
      state.cursor = state.buffer.length === 0 ? state.scannedTo : event.offset;
      if (verdict === "go" && !this.#skipped(event.offset)) return { event, previous, attempt: 1, trigger: "fan-out" };
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
    const candidate = this.#laneHead() ?? this.#fresh();
    return candidate === null ? null : { ...candidate, trigger: "probe" };
  }

  /** Probes go round the holes, so that one poison event does not stop recovery. */
  #probeHole(known: Known): Hole | null {
    const holes = [...this.#state.holes.values()].filter((hole) => !hole.exhausted).sort((a, b) => a.offset - b.offset);
    if (known.config.ordering === "topic") return holes[0] ?? null;
    return holes.find((hole) => hole.offset > known.runtime.probed) ?? holes[0] ?? null;
  }

  #begin(known: Known, candidate: Candidate, at: { row: LeaseRow; deliverer: number; now: number }): Send {
    const { event, previous, attempt, trigger } = candidate;
    const { row, deliverer, now } = at;
    const attemptId = this.#deps.newAttemptId();
    const ct = requestContentType(known.config.format, event);
    const entry = {
      ...{ o: event.offset, id: event.id, t: event.type, k: event.key, h: event.hops, p: previous },
      ...{ n: attempt, a: attemptId, g: trigger, l: now, ct, out: null, fin: null, r: null },
    };
    row.entries.push(entry);
    this.#state.touchRow(row);
    if (!this.#state.holes.has(event.offset)) this.#state.lanes.begin(event.key);
    const expiresAt = now + row.context.leaseMilliseconds;
    this.#state.flights.set(event.offset, { row, entry, deliverer, expiresAt });
    return { lease: row.id, event, previous, attempt, attemptId, trigger };
  }

  /** The deliverer's row while it has room and what its sends have in common is the same; else a new one. */
  #rowFor(known: Known, deliverer: number | null, now: number): LeaseRow {
    const { config } = known;
    const context: LeaseContext = {
      url: config.url,
      headerNames: Object.keys(config.headers),
      version: this.#deps.version,
      leaseMilliseconds: config.timeoutSeconds * 1000 + LEASE_GRACE_MS,
    };
    const current = deliverer === null ? undefined : this.#state.filled.get(deliverer);
    if (
      current !== undefined &&
      current.entries.length < LEASE_ROW_MAX_SENDS &&
      current.bytes < LEASE_ROW_MAX_BYTES &&
      JSON.stringify(current.context) === JSON.stringify(context)
    ) {
      return current;
    }
    const row = this.#state.newRow(context, now);
    this.#state.filled.set(deliverer ?? row.id, row);
    return row;
  }
}

const retryOf = (hole: Hole, event: LogEvent, trigger: Trigger): Candidate => ({
  event,
  previous: hole.previous,
  attempt: hole.attempts + 1,
  trigger,
});
