import { decodeBlock } from "../core/block.ts";
import type { LogEvent } from "../core/event.ts";
import { BLOCK_CACHE_MAX_BYTES, DECODED_EVENT_BYTES } from "../core/limits.ts";
import type { LogState } from "./state.ts";
import type { BlockRow, Segment, TopicLogStore } from "./store.ts";

interface CachedBlock {
  readonly events: readonly LogEvent[];
  readonly bytes: number;
}

/** Reads events by offset, through a cache of decoded blocks: new events are read by every subscription within milliseconds. */
export class Reader {
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  readonly #partition: number;
  readonly #cache = new Map<number, CachedBlock>();
  #cachedBytes = 0;

  constructor(state: LogState, store: TopicLogStore, partition: number) {
    this.#state = state;
    this.#store = store;
    this.#partition = partition;
  }

  /** Remembers a block just committed. `storedBytes`: what its row takes. */
  remember(firstOffset: number, events: readonly LogEvent[], storedBytes: number): void {
    const bytes = storedBytes + events.length * DECODED_EVENT_BYTES;
    this.#cache.set(firstOffset, { events, bytes });
    this.#cachedBytes += bytes;
    for (const [oldest, block] of this.#cache) {
      if (this.#cachedBytes <= BLOCK_CACHE_MAX_BYTES || this.#cache.size === 1) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= block.bytes;
    }
  }

  forget(): void {
    this.#cache.clear();
    this.#cachedBytes = 0;
  }

  event(offset: number): LogEvent | null {
    const events = this.#blockHolding(offset);
    return events?.find((event) => event.offset === offset) ?? null;
  }

  /** The whole block that holds an offset, and the segment it is in. */
  block(offset: number): { readonly segment: number; readonly events: readonly LogEvent[] } | null {
    const segment = this.#state.segmentOf(offset);
    const events = this.#blockHolding(offset);
    return segment === null || events === null ? null : { segment: segment.id, events };
  }

  /** Events from `from` upwards, in order, to the head. Reads a block at a time: stop whenever you like. */
  *ascending(from: number): Generator<LogEvent> {
    let offset = Math.max(from, this.#state.firstOffset);
    while (offset < this.#state.nextOffset) {
      const events = this.#blockHolding(offset);
      if (events === null) return;
      for (const event of events) if (event.offset >= offset) yield event;
      offset = (events.at(-1)?.offset ?? offset) + 1;
    }
  }

  /** Events from `from` downwards to the first of the log. */
  *descending(from: number): Generator<LogEvent> {
    let offset = Math.min(from, this.#state.head);
    while (offset >= this.#state.firstOffset) {
      const events = this.#blockHolding(offset);
      if (events === null) return;
      for (let i = events.length - 1; i >= 0; i -= 1) {
        const event = events[i];
        if (event !== undefined && event.offset <= offset) yield event;
      }
      offset = (events[0]?.offset ?? offset) - 1;
    }
  }

  /** When the event at this offset was received, Unix ms; null where there is none. */
  receivedAt(offset: number): number | null {
    const block = this.#row(offset);
    return block === null || block.lastOffset < offset ? null : block.receivedAt;
  }

  /**
   * The first offset, from `from` on, received at or after `time` (Unix ms); nextOffset if none was. Commits are in order
   * of time.
   */
  offsetAt(time: number, from = 0): number {
    let low = Math.max(from, this.#state.firstOffset);
    let high = this.#state.nextOffset;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const block = this.#row(middle);
      if (block === null) return high;
      if (block.receivedAt >= time) high = Math.min(middle, block.firstOffset);
      else low = block.lastOffset + 1;
    }
    return high;
  }

  #row(offset: number): BlockRow | null {
    const segment = this.#state.segmentOf(offset);
    return segment === null ? null : this.#store.blockAt(segment.id, offset);
  }

  #blockHolding(offset: number): readonly LogEvent[] | null {
    const segment = this.#state.segmentOf(offset);
    if (segment === null || offset >= this.#state.nextOffset) return null;
    const row = this.#store.blockAt(segment.id, offset);
    if (row === null || row.lastOffset < offset) return null;
    return this.#cache.get(row.firstOffset)?.events ?? this.#load(segment, row);
  }

  #load(segment: Segment, row: BlockRow): readonly LogEvent[] | null {
    const body = this.#store.blockBody(segment.id, row.firstOffset);
    const tag = this.#state.log?.tag;
    if (body === null || tag === undefined) return null;
    const events = decodeBlock(body, { tag, partition: this.#partition });
    this.remember(row.firstOffset, events, body.byteLength);
    return events;
  }
}
