import { type Problem, problem } from "../core/errors.ts";
import type { LogEvent } from "../core/event.ts";
import { compileFilter } from "../core/filter.ts";
import { decodeEventId } from "../core/ids.ts";
import { FILTER_TEST_MAX_BYTES, PULL_MAX_BYTES, READ_MAX_BYTES, SCAN_MAX_EVENTS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Listener } from "./fan-out.ts";
import { filterInput } from "./filter-input.ts";
import type { Reader } from "./reader.ts";
import type {
  FetchAnswer,
  FetchRequest,
  FilterTestAnswer,
  FilterTestQuery,
  Matched,
  PeekAnswer,
  Peeked,
  ReadAnswer,
  ReadQuery,
} from "./rpc.ts";
import type { LogState } from "./state.ts";

/** The read side of a log: every scan is bounded in events looked at and bytes answered. */
export class Queries {
  readonly #state: LogState;
  readonly #reader: Reader;

  constructor(state: LogState, reader: Reader) {
    this.#state = state;
    this.#reader = reader;
  }

  event(id: string): Result<LogEvent, Problem> {
    const parts = decodeEventId(id);
    const event = parts && parts.tag === this.#state.log?.tag ? this.#reader.event(parts.offset) : null;
    if (event === null || event.id !== id) return err(problem("not-found", "This topic has no such event."));
    return ok(event);
  }

  read(query: ReadQuery): Result<ReadAnswer, Problem> {
    const { firstOffset, nextOffset } = this.#state;
    if (query.after !== null && query.after < firstOffset - 1) return err(truncated(firstOffset));
    if (query.before !== null && query.before < firstOffset && firstOffset > 1) return err(truncated(firstOffset));
    const low = Math.max(
      firstOffset,
      (query.after ?? 0) + 1,
      query.since === null ? 0 : this.#reader.offsetAt(query.since),
    );
    const high = Math.min(
      nextOffset - 1,
      (query.before ?? nextOffset) - 1,
      query.until === null ? nextOffset : this.#reader.offsetAt(query.until) - 1,
    );
    const matches = compileFilter({ types: query.type === null ? [] : [query.type], match: {} });
    const ascending = query.order === "asc";
    const scan = ascending ? this.#reader.ascending(low) : this.#reader.descending(high);
    const events: LogEvent[] = [];
    let bytes = 0;
    let scanned = 0;
    let last = ascending ? low - 1 : high + 1;
    let next: number | null = null;
    for (const event of scan) {
      if (event.offset < low || event.offset > high) break;
      if (events.length >= query.limit || scanned >= SCAN_MAX_EVENTS || bytes >= READ_MAX_BYTES) {
        next = last;
        break;
      }
      scanned += 1;
      last = event.offset;
      if (query.key !== null && event.key !== query.key) continue;
      if (!matches(filterInput(event))) continue;
      events.push(event);
      bytes += event.data.byteLength;
    }
    return ok({ events, next, firstOffset, nextOffset });
  }

  /** The filter of a subscription that is not there: compiled, and shown events, as those that are. */
  testFilter({ filter, after, since, limit }: FilterTestQuery): Result<FilterTestAnswer, Problem> {
    const { firstOffset } = this.#state;
    if (after !== null && after < firstOffset - 1) return err(truncated(firstOffset));
    const matches = compileFilter(filter);
    const events: LogEvent[] = [];
    let bytes = 0;
    let scanned = 0;
    let last = after ?? firstOffset - 1;
    const from = Math.max(last + 1, since === null ? 0 : this.#reader.offsetAt(since));
    for (const event of this.#reader.ascending(from)) {
      if (events.length >= limit || scanned >= SCAN_MAX_EVENTS || bytes >= FILTER_TEST_MAX_BYTES)
        return ok({ events, scanned, next: last });
      scanned += 1;
      last = event.offset;
      bytes += event.data.byteLength;
      if (matches(filterInput(event))) events.push(event);
    }
    return ok({ events, scanned, next: null });
  }

  /** Everything a Subscription needs next, in one answer. */
  fetch(request: FetchRequest, listener: Listener): FetchAnswer {
    const { head, firstOffset } = this.#state;
    const budget = { bytes: PULL_MAX_BYTES };
    const found = this.#offsets(request.offsets, budget);
    const lanes = request.lanes.map((lane) => this.#lane(lane, request.floor, listener, budget));
    const { fresh, scannedTo } =
      request.after === null
        ? { fresh: [], scannedTo: 0 }
        : this.#fresh(request.after, request.maxEvents, listener, budget);
    return { fresh, scannedTo, head, firstOffset, found, lanes };
  }

  /** Matched events after `after`, at most `limit`, and at most SCAN_MAX_EVENTS looked at. */
  peek(after: number, limit: number, listener: Listener): PeekAnswer {
    const events: Peeked[] = [];
    let scanned = 0;
    let scannedTo = skipQuiet(after, listener);
    for (const event of this.#reader.ascending(scannedTo + 1)) {
      if (events.length >= limit || scanned >= SCAN_MAX_EVENTS) break;
      scanned += 1;
      const { id, offset, type, key } = event;
      scannedTo = offset;
      if (listener.matches(filterInput(event))) events.push({ id, offset, type, key });
    }
    return { events, scannedTo, head: this.#state.head };
  }

  #offsets(offsets: readonly number[], budget: { bytes: number }): LogEvent[] {
    const found: LogEvent[] = [];
    for (const offset of offsets) {
      const event = offset >= this.#state.firstOffset ? this.#reader.event(offset) : null;
      if (event === null) continue;
      found.push(event);
      budget.bytes -= event.data.byteLength;
    }
    return found;
  }

  #fresh(after: number, maxEvents: number, listener: Listener, budget: { bytes: number }) {
    const fresh: LogEvent[] = [];
    let scannedTo = Math.max(skipQuiet(after, listener), this.#state.firstOffset - 1);
    let scanned = 0;
    for (const event of this.#reader.ascending(scannedTo + 1)) {
      if (fresh.length >= maxEvents || scanned >= SCAN_MAX_EVENTS) break;
      if (budget.bytes <= 0 && fresh.length > 0) break;
      scanned += 1;
      scannedTo = event.offset;
      if (!listener.matches(filterInput(event))) continue;
      fresh.push(event);
      budget.bytes -= event.data.byteLength;
    }
    return { fresh, scannedTo };
  }

  #lane(
    lane: FetchRequest["lanes"][number],
    floor: number,
    listener: Listener,
    budget: { bytes: number },
  ): FetchAnswer["lanes"][number] {
    let scannedTo = lane.from - 1;
    let scanned = 0;
    for (const event of this.#reader.ascending(lane.from)) {
      if (event.offset > lane.to) return { key: lane.key, match: null, scannedTo: lane.to };
      if (scanned >= SCAN_MAX_EVENTS) return { key: lane.key, match: null, scannedTo };
      scanned += 1;
      scannedTo = event.offset;
      if (event.key !== lane.key || !listener.matches(filterInput(event))) continue;
      budget.bytes -= event.data.byteLength;
      const match: Matched = { event, previous: this.previous(event.offset, floor, listener) };
      return { key: lane.key, match, scannedTo };
    }
    return { key: lane.key, match: null, scannedTo: lane.to };
  }

  /** The match before `offset`, not below `floor`; 0 for none. */
  previous(offset: number, floor: number, listener: Listener): number {
    for (const event of this.#reader.descending(offset - 1)) {
      if (event.offset < floor) return 0;
      if (listener.matches(filterInput(event))) return event.offset;
    }
    return 0;
  }
}

/** How far a scan from `after` may jump: nothing in between matches. */
export const skipQuiet = (after: number, { quietFrom, quietTo }: Listener): number =>
  after >= quietFrom && after < quietTo ? quietTo : after;

export const truncated = (firstOffset: number): Problem =>
  problem("log-truncated", `The log begins at offset ${firstOffset}; what was before it has passed its retention.`, {
    extra: { firstOffset },
  });
