import { type Problem, problem } from "../core/errors.ts";
import { COUNT_SCAN_MAX_BYTES, COUNT_SCAN_MAX_EVENTS, EVENT_COUNT_BUCKETS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Listener } from "./fan-out.ts";
import { filterInput } from "./filter-input.ts";
import { skipQuiet } from "./queries.ts";
import type { Reader } from "./reader.ts";
import type { CountRange } from "./rpc.ts";

interface Bucket {
  readonly start: number;
  readonly events: number;
}

/** How many events: for a seek, those a subscription waits for; for statistics, those received in a span of time. */
export class Counts {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Matched events of the range that wait: beyond the cursor, or behind a blocked key. */
  waiting(range: CountRange, listener: Listener): { count: number; scannedTo: number } {
    const lanes = new Map(range.lanes);
    // Below the cursor only what waits behind a key is left.
    const low = Math.min(range.cursor + 1, ...lanes.values());
    let scannedTo = skipQuiet(Math.max(range.after, low - 1), listener);
    let count = 0;
    let scanned = 0;
    let bytes = 0;
    for (const event of this.#reader.ascending(scannedTo + 1)) {
      if (event.offset > range.through) break;
      if (scanned >= COUNT_SCAN_MAX_EVENTS || bytes >= COUNT_SCAN_MAX_BYTES) return { count, scannedTo };
      scanned += 1;
      bytes += event.data.byteLength;
      scannedTo = event.offset;
      const lane = event.key === null ? undefined : lanes.get(event.key);
      const waits = event.offset > range.cursor || (lane !== undefined && lane <= event.offset);
      if (waits && listener.matches(filterInput(event))) count += 1;
    }
    return { count, scannedTo: range.through };
  }

  /**
   * By buckets, ascending. Offsets have no gaps and times are in their order, so that a bucket is two searches, however
   * many events it has: no event is read.
   */
  received(since: number, until: number, bucketMilliseconds: number): Result<readonly Bucket[], Problem> {
    if ((until - since) / bucketMilliseconds > EVENT_COUNT_BUCKETS_MAX) {
      return err(problem("invalid", `Events are counted in ${EVENT_COUNT_BUCKETS_MAX} buckets at most.`));
    }
    const buckets: Bucket[] = [];
    const end = this.#reader.offsetAt(until);
    let offset = this.#reader.offsetAt(since);
    while (offset < end) {
      const receivedAt = this.#reader.receivedAt(offset);
      if (receivedAt === null) break;
      const start = Math.floor(receivedAt / bucketMilliseconds) * bucketMilliseconds;
      const next = Math.min(end, this.#reader.offsetAt(start + bucketMilliseconds, offset));
      buckets.push({ start, events: next - offset });
      offset = next;
    }
    return ok(buckets);
  }
}
