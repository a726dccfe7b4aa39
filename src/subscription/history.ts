import { batchId } from "../core/batch.ts";
import type { Problem } from "../core/errors.ts";
import { decodeEventId } from "../core/ids.ts";
import { LIST_SCAN_MAX_ROWS, PENDING_LISTED_MAX } from "../core/limits.ts";
import { redactedHeaders } from "../core/request-headers.ts";
import { ok, type Result } from "../core/result.ts";
import { compileTypePatterns } from "../core/type-pattern.ts";
import type { Peeked } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Entry, LeaseRow } from "./model.ts";
import type { Attempt, DeliveriesQuery, Delivery, DeliveryState } from "./rpc.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Known, SubscriptionState } from "./state.ts";
import type { LeaseRange, SubscriptionStore } from "./store.ts";

interface Collected {
  readonly row: LeaseRow;
  readonly entry: Entry;
}

/** The read side: deliveries and their attempts, gathered from lease rows by offset. Changes nothing. */
export class History {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #store: SubscriptionStore;
  readonly #scheduler: Scheduler;

  constructor(
    deps: SubscriptionDeps,
    parts: { state: SubscriptionState; store: SubscriptionStore; scheduler: Scheduler },
  ) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#store = parts.store;
    this.#scheduler = parts.scheduler;
  }

  /** Newest first, a page. `next` is the offset below which to go on. */
  async list(
    known: Known,
    query: DeliveriesQuery,
  ): Promise<Result<{ deliveries: readonly Delivery[]; next: number | null }, Problem>> {
    const waiting = await this.waiting(known);
    const pending = new Map(waiting.events.map((event) => [event.offset, event]));
    const before = query.before ?? Number.MAX_SAFE_INTEGER;
    const { rows, complete } = this.#rowsBelow(before);
    const offsets = new Set<number>();
    for (const offset of pending.keys()) if (offset < before) offsets.add(offset);
    for (const offset of [...this.#state.holes.keys(), ...this.#state.flights.keys()]) {
      if (offset < before) offsets.add(offset);
    }
    for (const offset of rows.keys()) if (offset < before && offset > complete) offsets.add(offset);
    const deliveries: Delivery[] = [];
    let reached = complete;
    for (const offset of [...offsets].filter((one) => one > complete).sort((a, b) => b - a)) {
      if (deliveries.length === query.limit) return ok({ deliveries, next: reached });
      reached = offset;
      const delivery = this.#delivery(known, offset, rows.get(offset) ?? [], pending.get(offset) ?? null);
      if (delivery !== null && matches(delivery, query)) deliveries.push(delivery);
    }
    return ok({ deliveries, next: complete > 0 ? complete + 1 : null });
  }

  async at(known: Known, offset: number): Promise<Delivery | null> {
    const waiting = await this.#waitingAt(known, offset);
    // Only now: while the log was asked, attempts may have been made.
    return this.#delivery(known, offset, this.attemptsAt(offset), waiting);
  }

  /** Every attempt at this offset, oldest first. */
  attemptsAt(offset: number): Collected[] {
    const ranges = this.#state.tables.flatMap((table) => this.#store.rangesAround(table.id, offset, offset));
    return this.#collect(ranges, offset).get(offset) ?? [];
  }

  /** Attempts made so far of the events in [from, to], and the row of the first: of those that come again by a seek. */
  attemptsBetween(from: number, to: number): Map<number, { attempts: number; row: number }> {
    const ranges = this.#state.tables.flatMap((table) => this.#store.rangesAround(table.id, from, to));
    const made = new Map<number, { attempts: number; row: number }>();
    for (const [offset, collected] of this.#collect(ranges, null)) {
      const attempts = Math.max(...collected.map(({ entry }) => entry.n));
      const first = collected.find(({ entry }) => entry.n > 0);
      if (first !== undefined) made.set(offset, { attempts, row: first.row.id });
    }
    return made;
  }

  /** Rows by offset, and the offset at and below which they are not complete (0: they are). */
  #rowsBelow(before: number): { rows: Map<number, Collected[]>; complete: number } {
    for (let most = LIST_SCAN_MAX_ROWS; ; most *= 2) {
      const ranges = this.#state.tables
        .flatMap((table) => this.#store.rangesBelow(table.id, before, most + 1))
        .sort((a, b) => b.hi - a.hi);
      const complete = ranges[most]?.hi ?? 0;
      // One event tried a thousand times fills the page with its rows: without more of them the list would stand still.
      const progress = complete === 0 || complete + 1 < before;
      if (progress) return { rows: this.#collect(ranges.slice(0, most), null), complete };
    }
  }

  #collect(ranges: readonly LeaseRange[], only: number | null): Map<number, Collected[]> {
    const collected = new Map<number, Collected[]>();
    const ordered = [...ranges].sort((a, b) => a.id - b.id);
    for (const { table, id } of ordered) {
      const row = this.#state.rows.get(id) ?? this.#store.lease(table, id);
      for (const entry of row?.entries ?? []) {
        if (row === null || (only !== null && entry.o !== only)) continue;
        const list = collected.get(entry.o);
        if (list === undefined) collected.set(entry.o, [{ row, entry }]);
        else list.push({ row, entry });
      }
    }
    return collected;
  }

  /**
   * What waits in the log, oldest first: after the cursor, or behind a blocked key. At most PENDING_LISTED_MAX are looked
   * up; `unread` offsets beyond them may match or not.
   */
  async waiting(known: Known): Promise<{ events: readonly Peeked[]; unread: number; head: number }> {
    const { lanes, cursor } = this.#state;
    const nothing = { events: [], unread: 0, head: cursor };
    if (known.runtime.phase !== "live") return nothing;
    const from = Math.min(cursor + 1, ...lanes.waiting.values());
    const { tenant, topic, id } = known.config;
    const peeked = await this.#deps.topicLog(tenant, topic).peekFor(id, from - 1, PENDING_LISTED_MAX);
    if (!peeked.ok) return nothing;
    const { events, scannedTo, head } = peeked.value;
    return { events: events.filter((one) => this.#waits(one)), unread: Math.max(0, head - scannedTo), head };
  }

  #waits({ key, offset }: Peeked): boolean {
    const { lanes, cursor, skips } = this.#state;
    const lane = key === null ? undefined : lanes.waiting.get(key);
    return (offset > cursor || (lane !== undefined && offset >= lane)) && !skips.has(offset);
  }

  /** The event at this offset, if it waits. */
  async #waitingAt(known: Known, offset: number): Promise<Peeked | null> {
    const { tenant, topic, id } = known.config;
    const peeked = await this.#deps.topicLog(tenant, topic).peekFor(id, offset - 1, 1);
    const event = peeked.ok ? peeked.value.events[0] : undefined;
    return event?.offset === offset && this.#waits(event) ? event : null;
  }

  #delivery(known: Known, offset: number, collected: readonly Collected[], pending: Peeked | null): Delivery | null {
    const hole = this.#state.holes.get(offset);
    const last = collected.at(-1)?.entry;
    const facts = pending ?? (hole && { id: hole.eventId, type: hole.type, key: hole.key }) ?? (last && factsOf(last));
    const state = this.#stateOf(known, offset, collected, pending !== null);
    if (facts === undefined || state === null) return null;
    const sorted = collected.filter((one) => one.entry.n > 0).sort((a, b) => a.entry.n - b.entry.n);
    return {
      eventId: facts.id,
      partition: 0,
      offset,
      type: facts.type,
      key: facts.key,
      state,
      attempts: sorted.map(({ row, entry }) => attemptOf(known, row, entry)),
      nextAttemptAt:
        state === "retrying" && hole !== undefined
          ? this.#nextAttemptAt(known, this.#scheduler.dueAt(known, hole))
          : null,
    };
  }

  #nextAttemptAt(known: Known, due: number): number | null {
    return Number.isFinite(due) && known.runtime.state === "active" ? Math.max(due, known.runtime.reopenedAt) : null;
  }

  #stateOf(known: Known, offset: number, collected: readonly Collected[], pending: boolean): DeliveryState | null {
    if (this.#state.flights.has(offset)) return "delivering";
    const hole = this.#state.holes.get(offset);
    if (hole !== undefined) {
      if (hole.attempts === 0) return "pending";
      const { runtime } = known;
      const held = runtime.health.state === "failing" || runtime.state === "disabled" || hole.exhausted;
      return held ? "held" : "retrying";
    }
    // It comes again by a seek, whatever became of it before.
    if (pending) return "pending";
    if (this.#state.letter(offset) !== null) return "dead";
    // No letter: one that counted as dead and turned out to have arrived is delivered.
    const ends = collected.flatMap(({ entry }) => (entry.fin === null ? [] : [entry.fin]));
    const end = ends.findLast((one) => one !== "dead") ?? ends.at(-1);
    if (end !== undefined) return end;
    // Tried, taken back by a seek, and not come again: either it still will, or another seek has skipped it since.
    const tried = collected.find(({ entry }) => entry.n > 0);
    if (tried === undefined) return null;
    return this.#state.comesAgain(offset, tried.entry.k) ? "pending" : "cancelled";
  }
}

const factsOf = (entry: Entry): { id: string; type: string; key: string | null } => ({
  id: entry.id,
  type: entry.t,
  key: entry.k,
});

function attemptOf(known: Known, row: LeaseRow, entry: Entry): Attempt {
  const members = entry.m === undefined ? [] : row.entries.filter((one) => one.a === entry.a);
  const lead = members.find((one) => one.o === entry.m) ?? entry;
  const result = lead.r;
  const events = members.map(({ id, h }) => ({ id, hops: h }));
  const startedAt = result?.s ?? entry.l;
  const position = decodeEventId(lead.id);
  const input = {
    send: {
      event: { id: lead.id, key: lead.k, hops: lead.h, partition: position?.partition ?? 0, offset: lead.o },
      previous: lead.p,
      attempt: Math.max(entry.n, ...members.map(({ n }) => n)),
      attemptId: entry.a,
      trigger: lead.g,
      batch: events.length === 0 ? null : { id: batchId(events.map(({ id }) => id)), events },
    },
    target: {
      id: known.config.id,
      topic: known.config.topic,
      webhookOrigin: row.context.webhookOrigin ?? null,
    },
    version: row.context.version,
    timestampSeconds: Math.floor(startedAt / 1000),
    contentType: entry.ct,
  };
  return {
    id: entry.a,
    number: entry.n,
    trigger: entry.g,
    startedAt,
    durationMilliseconds: result?.d ?? null,
    outcome: entry.out,
    statusCode: result?.c ?? null,
    error: result?.e ?? null,
    request: {
      url: row.context.url,
      headers: redactedHeaders(input, row.context.headerNames, lead.hd ?? null),
      bodyBytes: result?.b ?? 0,
    },
    response: result?.x ?? null,
  };
}

function matches(delivery: Delivery, query: DeliveriesQuery): boolean {
  const receivedAt = decodeEventId(delivery.eventId)?.time ?? 0;
  if (query.state !== null && delivery.state !== query.state) return false;
  if (query.type !== null && !compileTypePatterns([query.type])(delivery.type)) return false;
  if (query.since !== null && receivedAt < query.since) return false;
  return query.until === null || receivedAt < query.until;
}
