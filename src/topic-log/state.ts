import { EXPIRY_WARNING_MS, SEGMENT_MAX_BYTES, SEGMENT_MIN_MS } from "../core/limits.ts";
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

  /** The last offset of the segments that retention ends now, by age or by `retentionBytes`; null if none does. */
  expiredThrough(now: number): number | null {
    if (this.log === null) return null;
    const { retentionDays, retentionBytes } = this.log;
    let through: number | null = null;
    for (const [index, segment] of this.segments.entries()) {
      const next = this.segments[index + 1];
      const end = next?.firstOffset ?? this.nextOffset;
      const over =
        retentionBytes !== null && next !== undefined && this.bytesTotal - segment.bytesBefore > retentionBytes;
      if (segment.firstOffset === end) break;
      if (!over && this.#newestIn(segment) + retentionDays * DAY_MS > now) break;
      through = end - 1;
    }
    return through;
  }

  /** The last offset of the segments that age ends within the time of a warning; null if it ends none. */
  expiringThrough(now: number): number | null {
    let through: number | null = null;
    for (const { segment, end } of this.#filled()) {
      if (this.#warnAt(segment) > now) break;
      through = end - 1;
    }
    return through;
  }

  /** When to warn of the first segment that goes on after `offset`; null while there is none. */
  expiringDueAt(offset: number): number | null {
    for (const { segment, end } of this.#filled()) if (end - 1 > offset) return this.#warnAt(segment);
    return null;
  }

  #warnAt(segment: Segment): number {
    const retention = (this.log?.retentionDays ?? 0) * DAY_MS;
    return this.#newestIn(segment) + retention - Math.min(EXPIRY_WARNING_MS, retention / 2);
  }

  /** Segments that hold something, with the offset after their last. */
  *#filled(): Generator<{ segment: Segment; end: number }> {
    for (const [index, segment] of this.segments.entries()) {
      const end = this.segments[index + 1]?.firstOffset ?? this.nextOffset;
      if (segment.firstOffset < end) yield { segment, end };
    }
  }

  /** Drops the segments that end at or below `through`. Returns how many. */
  dropThrough(through: number, now: number): number {
    let dropped = 0;
    for (let first = this.segments[0]; first !== undefined; first = this.segments[0]) {
      const end = this.segments[1]?.firstOffset ?? this.nextOffset;
      if (end - 1 > through || first.firstOffset === end) break;
      // The log always has a segment: its first offset is where the log begins.
      if (this.segments.length === 1) this.openSegment(now);
      this.#store.dropSegment(first.id);
      this.segments.shift();
      dropped += 1;
    }
    return dropped;
  }

  #newestIn(segment: Segment): number {
    return this.#store.lastBlock(segment.id)?.receivedAt ?? segment.openedAt;
  }
}
