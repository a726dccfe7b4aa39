import type { LogEvent } from "../core/event.ts";
import { compileFilter, type Filter, type FilterInput } from "../core/filter.ts";
import { FilterIndex } from "../core/filter-index.ts";
import {
  CLOCK_SKEW_MAX_MS,
  PULL_MAX_EVENTS,
  SCAN_MAX_EVENTS,
  SCANNED_PERSIST_EVERY_OFFSETS,
  WAKE_AT_ONCE_MAX,
  WAKE_BACKSTOP_MS,
  WAKE_INLINE_MAX_BYTES,
  WAKE_MAX_CONCURRENT,
} from "../core/limits.ts";
import type { LogDeps } from "./deps.ts";
import { filterInput } from "./filter-input.ts";
import type { Reader } from "./reader.ts";
import type { Wake } from "./rpc.ts";
import type { LogState } from "./state.ts";
import type { SubscriberRow, TopicLogStore } from "./store.ts";

interface Swept {
  readonly from: number;
  readonly through: number;
  readonly events: LogEvent[];
  bytes: number;
}

/** A subscription as the log knows it. All of it but the row is memory: lost with the object, and safe to lose. */
export interface Listener {
  row: SubscriberRow;
  matches: (event: FilterInput) => boolean;
  /** Its own cursor as it last told or accepted; null after a restart of the log. */
  known: number | null;
  /** Nothing in (quietFrom, quietTo] matches. */
  quietFrom: number;
  quietTo: number;
  /** push: it waits to be woken. pull: it has work and will come by itself (it holds an alarm until then). */
  mode: "push" | "pull";
  /** The newest incarnation of it that was heard of (FetchRequest); 0 = none yet. */
  incarnation: number;
  /** How often it has pulled: a wake's answer that a pull has overtaken says nothing any more. */
  pulls: number;
  /** Pulls of an incarnation that seemed to be an earlier one. */
  doubts: number;
  /** A wake is under way. */
  waking: boolean;
  /** It may not have heard of the head: the alarm stays until it has. */
  unheard: boolean;
  /** What matches in (from, through], found by the sweep: as much as is told at once. null: it has to be looked for. */
  swept: Swept | null;
}

/**
 * Tells subscriptions of new events: the filter runs here, once; only idle subscriptions that match are woken, and
 * the alarm stands until each has answered. A subscription answers only when what it was told is durable with it.
 */
export class FanOut {
  readonly #deps: LogDeps;
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  readonly #reader: Reader;
  readonly #listeners = new Map<string, Listener>();
  readonly #index = new FilterIndex<Listener>();
  /** Up to here, news was looked through for all who wait to be woken. */
  #sweptTo: number;
  /** Those to be told, in the order in which they became due. */
  readonly #due = new Set<Listener>();
  #workers = 0;
  #telling = false;

  /**
   * `pendingAlarm` is what was pending when the object woke. A commit sets it at most WAKE_BACKSTOP_MS ahead and it
   * is moved further only when everybody has heard, for retention; so one well beyond that means that nobody has anything
   * to hear. Unless it is earlier than retention needs it: then the clock was set back, and it is of the old one.
   */
  constructor(
    deps: LogDeps,
    parts: { state: LogState; store: TopicLogStore; reader: Reader },
    pendingAlarm: number | null,
  ) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#store = parts.store;
    this.#reader = parts.reader;
    this.#sweptTo = parts.state.head;
    const far = pendingAlarm !== null && pendingAlarm > deps.now() + WAKE_BACKSTOP_MS + CLOCK_SKEW_MAX_MS;
    const heard = far && pendingAlarm >= (parts.state.expiringDueAt(0) ?? 0);
    for (const row of parts.store.subscribers()) {
      if (row.removing) continue;
      const listener = this.add(row);
      if (heard) this.heard(listener, parts.state.head);
    }
    if (far && !heard && this.#listeners.size > 0) deps.alarm(deps.now());
  }

  /** Until it pulls or answers a wake, nobody is known to have heard of the head. */
  add(row: SubscriberRow): Listener {
    const filter: Filter = JSON.parse(row.filter);
    const listener: Listener = {
      row,
      swept: null,
      matches: compileFilter(filter),
      known: null,
      quietFrom: row.quietFrom,
      quietTo: row.quietTo,
      mode: "push",
      incarnation: 0,
      pulls: 0,
      doubts: 0,
      waking: false,
      unheard: true,
    };
    this.#listeners.set(row.id, listener);
    this.#index.put(listener, filter);
    return listener;
  }

  get listeners(): ReadonlyMap<string, Listener> {
    return this.#listeners;
  }

  /** From now on it is told by another filter. */
  refilter(listener: Listener, filter: Filter): void {
    listener.matches = compileFilter(filter);
    listener.swept = null;
    this.#index.put(listener, filter);
  }

  /** Events found and not told yet are read again. */
  forgetEvents(): void {
    for (const listener of this.#listeners.values()) listener.swept = null;
  }

  remove(id: string): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    this.#index.delete(listener);
    this.#listeners.delete(id);
  }

  clear(): void {
    for (const id of [...this.#listeners.keys()]) this.remove(id);
  }

  /** In the turn of a commit: from here on the alarm carries the news, whatever happens to memory. */
  committed(): void {
    if (this.#listeners.size === 0) {
      this.#sweptTo = this.#state.head;
      return;
    }
    this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
    if (this.#telling) return;
    this.#telling = true;
    this.#deps.background(this.#tellSoon());
  }

  /** When this turn has done the rest: its producers wait for a few wakes at most. */
  async #tellSoon(): Promise<void> {
    try {
      await Promise.resolve();
      this.#sweep();
      // A timer of no time takes a millisecond of the platform: a few, of however many there are, are told without one.
      if (this.#areManyDue()) await new Promise<void>((resume) => this.#deps.defer(resume, 0));
    } finally {
      this.#telling = false;
    }
    this.tellAll();
  }

  #areManyDue(): boolean {
    let due = 0;
    for (const listener of this.#listeners.values()) {
      if (this.#isDue(listener)) due += 1;
      if (due > WAKE_AT_ONCE_MAX) return true;
    }
    return false;
  }

  /** True while somebody may not have heard: the alarm is needed again. */
  get unfinished(): boolean {
    for (const listener of this.#listeners.values()) if (listener.waking || this.#isDue(listener)) return true;
    return false;
  }

  /** Tells everybody who waits to be woken and has something to hear, or may have missed something. Does not wait. */
  tellAll(): void {
    this.#sweep();
    for (const listener of this.#listeners.values()) if (this.#isDue(listener)) this.#due.add(listener);
    // Each takes one at once, so that nobody waits for a worker that waits for somebody else.
    while (this.#due.size > 0 && this.#workers < WAKE_MAX_CONCURRENT) {
      this.#workers += 1;
      this.#deps.background(this.#work());
    }
  }

  /** One wake after the other: a subscription that takes its time holds up one worker, not the news of the others. */
  async #work(): Promise<void> {
    try {
      for (const listener of this.#due) {
        this.#due.delete(listener);
        const reached = await this.#tell(listener);
        // More may have come while it was told. One that could not be reached is left to the alarm, or the next commit.
        if (reached && this.#isDue(listener)) this.#due.add(listener);
      }
    } finally {
      this.#workers -= 1;
    }
  }

  #isDue(listener: Listener): boolean {
    const { row, mode, waking, unheard, quietTo } = listener;
    if (waking || mode !== "push") return false;
    return (unheard || quietTo < this.#state.head) && this.#listeners.has(row.id);
  }

  /** False when it could not be reached. */
  async #tell(listener: Listener): Promise<boolean> {
    if (!this.#isDue(listener)) return true;
    const wake = this.#wakeFor(listener);
    if (wake === null) return true;
    listener.waking = true;
    const { pulls, doubts, incarnation: before } = listener;
    const { filterVersion } = listener.row;
    try {
      const { mode, incarnation } = await this.#deps.wake(listener.row.id, wake);
      // Who answers is not earlier than the one that was known when it was asked, even if its clock says so.
      const newer = listener.incarnation === before ? incarnation !== before : incarnation > listener.incarnation;
      // A pull that came meanwhile knows better, unless it was a late one of an earlier incarnation.
      const overtaken = pulls !== listener.pulls && !newer;
      if (newer) listener.incarnation = incarnation;
      if (mode === "gone") this.#forget(listener);
      else if (doubts !== listener.doubts) {
        listener.mode = "push";
        listener.unheard = true;
      } else if (filterVersion === listener.row.filterVersion && !overtaken) {
        listener.unheard = false;
        listener.mode = mode;
        if (mode === "push") this.heard(listener, wake.scannedTo);
      }
      return true;
    } catch {
      listener.unheard = true;
      return false;
    } finally {
      listener.waking = false;
    }
  }

  /**
   * Looks through what is new once for all who wait to be woken and have heard of everything before it: each event goes
   * to those filters that it could match. The others have nothing to hear, and cost nothing but this.
   */
  #sweep(): void {
    const { head } = this.#state;
    const from = this.#sweptTo;
    if (from >= head) return;
    this.#sweptTo = head;
    const waits = ({ mode, waking, unheard, quietTo }: Listener) =>
      mode === "push" && !waking && !unheard && quietTo >= from && quietTo < head;
    const found = new Map<Listener, Swept>();
    for (const event of this.#reader.ascending(from + 1)) {
      const input = filterInput(event);
      for (const listener of this.#index.candidates(input)) {
        if (!waits(listener) || event.offset <= listener.quietTo) continue;
        const swept = found.get(listener) ?? { from: listener.quietTo, through: head, events: [], bytes: 0 };
        if (isMoreThanTold(swept) || !listener.matches(input)) continue;
        swept.events.push(event);
        swept.bytes += event.data.byteLength;
        found.set(listener, swept);
      }
    }
    for (const listener of this.#listeners.values()) {
      if (!waits(listener)) continue;
      const swept = found.get(listener);
      if (swept === undefined) this.quiet(listener, head);
      else listener.swept = swept;
    }
  }

  /** What is new to a listener and matches, as far as it was swept, else by running its filter. */
  *#newTo(listener: Listener): Generator<LogEvent> {
    const { swept, quietTo } = listener;
    listener.swept = null;
    let looked = quietTo;
    if (swept !== null && swept.from <= quietTo && swept.through > quietTo) {
      for (const event of swept.events) if (event.offset > quietTo) yield event;
      looked = swept.through;
    }
    for (const event of this.#reader.ascending(looked + 1)) if (listener.matches(filterInput(event))) yield event;
  }

  /** What to tell, or null when nothing new matches; moves over what does not match. */
  #wakeFor(listener: Listener): Wake | null {
    const { head } = this.#state;
    const base = { scannedTo: head, filterVersion: listener.row.filterVersion, at: this.#deps.now() };
    if (listener.known === null && listener.unheard && head - listener.quietTo > SCAN_MAX_EVENTS) {
      return { ...base, scannedFrom: null, events: null };
    }
    const matched: LogEvent[] = [];
    let bytes = 0;
    for (const event of this.#newTo(listener)) {
      matched.push(event);
      bytes += event.data.byteLength;
      if (listener.known === null || bytes > WAKE_INLINE_MAX_BYTES || matched.length > PULL_MAX_EVENTS) break;
    }
    if (matched.length === 0) {
      this.quiet(listener, head);
      listener.unheard = false;
      return null;
    }
    const inline = listener.known !== null && bytes <= WAKE_INLINE_MAX_BYTES && matched.length <= PULL_MAX_EVENTS;
    return { ...base, scannedFrom: listener.known, events: inline ? matched : null };
  }

  /**
   * In the turn of a pull for fresh events. `atHead`: it found nothing, and everything was looked at; what is committed
   * after this turn is told. Otherwise the subscription comes again by itself.
   */
  pulled(listener: Listener, incarnation: number, atHead: boolean): void {
    // A late one, of an object that is no more: it says nothing about the present one. Or of the present one, with its
    // clock set back: it is asked, should it not come again.
    if (incarnation < listener.incarnation) {
      listener.doubts += 1;
      listener.mode = "push";
      listener.unheard = true;
      this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
      return;
    }
    const first = incarnation > listener.incarnation;
    listener.incarnation = incarnation;
    listener.pulls += 1;
    if (atHead) this.heard(listener, this.#state.head);
    listener.mode = atHead || first ? "push" : "pull";
    // The first pull of an incarnation may be as late, with the present one unknown: it is asked, should no other follow.
    listener.unheard = !atHead && first;
    if (listener.unheard) this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
  }

  /** The subscription has taken over everything up to `offset`. */
  heard(listener: Listener, offset: number): void {
    listener.known = offset;
    listener.quietFrom = offset;
    listener.quietTo = offset;
    listener.unheard = false;
  }

  /** Nothing up to `offset` matches: remembered now and then, so that a filter that never matches is not run again. */
  quiet(listener: Listener, offset: number): void {
    listener.quietTo = offset;
    if (offset - listener.row.quietTo < SCANNED_PERSIST_EVERY_OFFSETS) return;
    const row = { ...listener.row, quietFrom: listener.quietFrom, quietTo: offset };
    this.#store.putSubscriber(row);
    listener.row = row;
  }

  #forget(listener: Listener): void {
    this.#store.deleteSubscriber(listener.row.id);
    this.remove(listener.row.id);
  }
}

/** One wake tells so much at most; what is more, the subscription pulls. */
const isMoreThanTold = ({ events, bytes }: Pick<Swept, "events" | "bytes">): boolean =>
  events.length > PULL_MAX_EVENTS || bytes > WAKE_INLINE_MAX_BYTES;
