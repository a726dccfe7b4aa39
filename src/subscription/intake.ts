import type { LogEvent } from "../core/event.ts";
import { WAKE_BACKSTOP_MS } from "../core/limits.ts";
import type { FetchAnswer, FetchRequest, Wake } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { History } from "./history.ts";
import type { Hole } from "./model.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Settlement } from "./settlement.ts";
import type { Known, SubscriptionState } from "./state.ts";
import { recordUntried } from "./untried.ts";

/** Brings events from the log into memory: by a pull, or with a wake. Memory only; a restart pulls again. */
export class Intake {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #scheduler: Scheduler;
  readonly #settlement: Settlement;
  readonly #history: History;
  #filling: Promise<boolean> | null = null;
  /** Wakes that were not taken over: an answer that was asked for before one of them does not know the newest event. */
  #refused = 0;
  /** Whether this object has asked for fresh events itself since it woke. */
  #pulled = false;

  constructor(
    deps: SubscriptionDeps,
    parts: { state: SubscriptionState; scheduler: Scheduler; settlement: Settlement; history: History },
  ) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#scheduler = parts.scheduler;
    this.#settlement = parts.settlement;
    this.#history = parts.history;
  }

  /**
   * Fetches what is missing, one fetch at a time. True when something came that may be sent now. Throws when the log
   * could not be reached.
   */
  async fill(): Promise<boolean> {
    if (this.#filling !== null) return this.#filling;
    const known = this.#state.known;
    const wanted = known === null ? null : this.#scheduler.wanted(known, this.#deps.now());
    if (known === null || wanted === null) return false;
    this.#filling = this.#fetch(known, wanted).finally(() => {
      this.#filling = null;
    });
    return this.#filling;
  }

  /** Takes the events of a wake if they join what was scanned without a gap. False: pull instead. */
  accept(known: Known, wake: Wake): boolean {
    const { runtime } = known;
    const state = this.#state;
    const joins = wake.scannedFrom === state.scannedTo && wake.filterVersion === runtime.filterVersion;
    const stale = wake.at <= state.erasedAt;
    if (!joins || stale || wake.events === null || state.buffer.length > 0 || this.#filling !== null) {
      state.caughtUp = false;
      this.#refused += 1;
      return false;
    }
    state.buffer = [...wake.events];
    state.scannedTo = wake.scannedTo;
    // Having pulled and not come to the end, it goes on pulling: the log counts on it, whoever sent this wake.
    state.caughtUp ||= !this.#pulled;
    return true;
  }

  /**
   * At an alarm: an object that has only been woken so far pulls once. The wake may have come late, from a log that is
   * no more, and the present one may count on the pull that this object's predecessor had set the alarm for.
   */
  confirm(): void {
    if (!this.#pulled) this.#state.caughtUp = false;
  }

  async #fetch(
    known: Known,
    wanted: Omit<FetchRequest, "subscription" | "incarnation" | "filterVersion" | "floor">,
  ): Promise<boolean> {
    const { config, runtime } = known;
    const log = this.#deps.topicLog(config.tenant, config.topic);
    const { filterVersion, floor } = runtime;
    const { incarnation } = this.#state;
    const request = { ...wanted, subscription: config.id, incarnation, filterVersion, floor };
    // The log takes a pull for a promise to come again: it must outlive this object (and the wake that led here).
    this.#pulled ||= request.after !== null;
    if (request.after !== null) this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
    const refused = this.#refused;
    const { generation } = this.#state;
    const answer = await log.fetchFor(request);
    // Anything may have happened meanwhile: what was asked under another filter, or before a failed commit, is dropped.
    const now = this.#state.known;
    if (now === null || now.runtime.filterVersion !== filterVersion || now.runtime.phase !== "live") return false;
    // A seek came between: the scan begins anew.
    if (generation !== this.#state.generation) return true;
    if (answer.ok) return this.#apply(now, request, answer.value, refused === this.#refused);
    if (answer.error.code !== "conflict") throw new Error(answer.error.code);
    // The log has not heard of the new filter (the object went away between the two).
    const set = await log.setFilter(config.id, config.filter, filterVersion);
    if (!set.ok) throw new Error(set.error.code);
    return true;
  }

  #apply(known: Known, request: FetchRequest, answer: FetchAnswer, newest: boolean): boolean {
    const state = this.#state;
    const found = new Map(answer.found.map((event) => [event.offset, event]));
    for (const offset of request.offsets) {
      const event = found.get(offset);
      const hole = state.holes.get(offset);
      if (hole === undefined || state.flights.has(offset)) continue;
      if (event !== undefined) state.payloads.set(offset, event);
      else this.#expired(known, hole);
    }
    for (const lane of answer.lanes) this.#applyLane(known, lane, request);
    if (request.after !== null && request.after === state.scannedTo) {
      this.#recall(known, answer.fresh);
      state.buffer.push(...answer.fresh);
      state.scannedTo = answer.scannedTo;
      state.caughtUp = newest && answer.fresh.length === 0 && answer.scannedTo >= answer.head;
      if (state.buffer.length === 0) state.cursor = state.scannedTo;
    }
    state.commit();
    return true;
  }

  /** Events that a seek brings again go on with the numbers of their attempts. */
  #recall(known: Known, events: readonly LogEvent[]): void {
    const again = events.filter(({ offset }) => offset <= known.runtime.soughtThrough);
    const [first] = again;
    const last = again.at(-1);
    if (first === undefined || last === undefined) return;
    const made = this.#history.attemptsBetween(first.offset, last.offset);
    for (const { offset } of again) {
      const earlier = made.get(offset);
      if (earlier !== undefined) this.#state.earlier.set(offset, earlier);
    }
  }

  /** The log has it no more: it was under way, or leased and not sent, when retention came by. */
  #expired(known: Known, hole: Hole): void {
    const now = this.#deps.now();
    this.#settlement.die(known, hole, "expired", now);
    const event = { id: hole.eventId, offset: hole.offset, type: hole.type, key: hole.key };
    recordUntried(this.#state, known, [event], { fin: "dead", version: this.#deps.version, now });
  }

  #applyLane(known: Known, lane: FetchAnswer["lanes"][number], request: FetchRequest): void {
    const { lanes, heads, cursor } = this.#state;
    const asked = request.lanes.find((one) => one.key === lane.key);
    // Advanced or ended while the answer was on its way.
    if (asked === undefined || lanes.waiting.get(lane.key) !== asked.from) return;
    if (lane.match !== null) {
      this.#recall(known, [lane.match.event]);
      heads.set(lane.key, lane.match);
    } else if (lane.scannedTo + 1 > asked.from) {
      // Not stored: after a restart it is read from the older place again.
      lanes.advance(lane.key, lane.scannedTo + 1);
      if (lane.scannedTo >= cursor) {
        // All that waited has gone.
        lanes.end(lane.key);
        this.#state.touchLane(lane.key);
      }
    }
  }
}
