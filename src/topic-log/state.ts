import { SEGMENT_MAX_BYTES, SEGMENT_MIN_MS } from "../core/limits.ts";
import type { LogRow, Segment, TopicLogStore } from "./store.ts";

const DAY_MS = 86_400_000;
/** Retention is kept to a thirtieth of its length. */
const SEGMENTS_PER_RETENTION = 30;

/** Where the log stands: small, in memory, rebuilt from two rows when the object wakes. */
export class LogState {
  readonly #store: TopicLogStore;
  log: LogRow | null;
  segments: Segment[];
  nextOffset = 1;
  /** Running sum of block sizes since the beginning of time. */
  bytesTotal = 0;
  /** Time of the newest commit: the log's time never goes back, whatever the machine's clock does. */
  lastReceivedAt = 0;

  constructor(store: TopicLogStore) {
    this.#store = store;
    this.log = store.log();
    this.segments = this.log?.live ? store.segments() : [];
    this.#loadHead();
  }

  get live(): LogRow | null {
    return this.log?.live ? this.log : null;
  }

  get firstOffset(): number {
    return this.segments[0]?.firstOffset ?? this.nextOffset;
  }

  get head(): number {
    return this.nextOffset - 1;
  }

  get bytes(): number {
    return this.bytesTotal - (this.segments[0]?.bytesBefore ?? this.bytesTotal);
  }

  /** The log's own clock. */
  time(now: number): number {
    return Math.max(now, this.lastReceivedAt);
  }

  /** Re-reads everything; used after a failed commit, when memory may be ahead of storage. */
  reload(): void {
    this.log = this.#store.log();
    this.segments = this.log?.live ? this.#store.segments() : [];
    this.#loadHead();
  }

  #loadHead(): void {
    const last = this.segments.at(-1);
    const block = last === undefined ? null : this.#store.lastBlock(last.id);
    this.nextOffset = block ? block.lastOffset + 1 : (last?.firstOffset ?? this.log?.nextOffset ?? 1);
    this.bytesTotal = block?.bytesTotal ?? last?.bytesBefore ?? 0;
    this.lastReceivedAt = block?.receivedAt ?? last?.openedAt ?? 0;
  }

  /** The segment that takes the next block: a new one when the present one is old or large. */
  segmentFor(now: number): Segment {
    const current = this.segments.at(-1);
    const span = Math.max(SEGMENT_MIN_MS, ((this.log?.retentionDays ?? 1) * DAY_MS) / SEGMENTS_PER_RETENTION);
    if (current !== undefined) {
      const empty = current.firstOffset === this.nextOffset;
      const fresh = now - current.openedAt < span && this.bytesTotal - current.bytesBefore < SEGMENT_MAX_BYTES;
      if (fresh || empty) return current;
    }
    return this.openSegment(now);
  }

  openSegment(now: number): Segment {
    const segment: Segment = {
      id: (this.segments.at(-1)?.id ?? 0) + 1,
      firstOffset: this.nextOffset,
      openedAt: now,
      bytesBefore: this.bytesTotal,
    };
    this.#store.openSegment(segment);
    this.segments.push(segment);
    return segment;
  }

  segmentOf(offset: number): Segment | null {
    for (let i = this.segments.length - 1; i >= 0; i -= 1) {
      const segment = this.segments[i];
      if (segment !== undefined && segment.firstOffset <= offset) return segment;
    }
    return null;
  }

  /** When the oldest segment that holds something is to be dropped; null while there is nothing to drop. */
  retentionDueAt(): number | null {
    const first = this.segments[0];
    if (first === undefined || this.log === null || first.firstOffset === this.nextOffset) return null;
    return this.#newestIn(first) + this.log.retentionDays * DAY_MS;
  }

  /** Drops what is older than retention or beyond `retentionBytes`, whole segments at a time. Returns how many. */
  dropExpired(now: number): number {
    let dropped = 0;
    for (;;) {
      const first = this.segments[0];
      const due = this.retentionDueAt();
      if (first === undefined || due === null || this.log === null) return dropped;
      const over = this.log.retentionBytes !== null && this.bytes > this.log.retentionBytes && this.segments.length > 1;
      if (due > now && !over) return dropped;
      if (this.segments.length === 1) this.openSegment(now);
      this.#store.dropSegment(first.id);
      this.segments.shift();
      dropped += 1;
    }
  }

  #newestIn(segment: Segment): number {
    return this.#store.lastBlock(segment.id)?.receivedAt ?? segment.openedAt;
  }
}
