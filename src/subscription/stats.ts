import { LatencyHistogram } from "../core/latency.ts";
import { CLOCK_SKEW_MAX_MS, DELIVERER_LIFE_MS, STATS_SCAN_MAX_BYTES } from "../core/limits.ts";
import type { Entry, LeaseRow } from "./model.ts";
import type { AttemptCounts, StatsAnswer, StatsQuery } from "./rpc.ts";
import type { SubscriptionState } from "./state.ts";
import type { SubscriptionStore } from "./store.ts";

/** A row is filled for as long as its deliverer lives: so much older than its first send can those of the row before be newer. */
const FILLED_MS = DELIVERER_LIFE_MS + CLOCK_SKEW_MAX_MS;
/** Rows read at once: the largest have a megabyte. */
const ROWS_AT_ONCE = 8;

interface Counted {
  attempts: number;
  successes: number;
  failures: number;
  readonly latency: LatencyHistogram;
}

/** Attempts in numbers (API clause 7.8), from the delivery log, newest first. Changes nothing. */
export class Stats {
  readonly #state: SubscriptionState;
  readonly #store: SubscriptionStore;

  constructor(state: SubscriptionState, store: SubscriptionStore) {
    this.#state = state;
    this.#store = store;
  }

  /** Those that began in the span, by buckets. Looks at STATS_SCAN_MAX_BYTES at most: `next` is where to go on. */
  count({ since, until, bucketMilliseconds, before }: StatsQuery): StatsAnswer {
    const counted = new Map<number, Counted>();
    const bucketAt = (time: number): Counted => {
      const start = Math.floor(time / bucketMilliseconds) * bucketMilliseconds;
      const bucket = counted.get(start) ?? { attempts: 0, successes: 0, failures: 0, latency: new LatencyHistogram() };
      counted.set(start, bucket);
      return bucket;
    };
    const answer = (next: number | null): StatsAnswer => ({ buckets: [...counted].map(shown), next });
    let bytes = 0;
    for (const row of this.#rowsBelow(before ?? this.#state.nextRow)) {
      const [first] = row.entries;
      if (first !== undefined && first.l + FILLED_MS < since) break;
      for (const { entry, startedAt } of attemptsIn(row)) {
        if (startedAt >= since && startedAt < until) add(bucketAt(startedAt), entry);
      }
      bytes += row.bytes;
      if (bytes >= STATS_SCAN_MAX_BYTES) return answer(row.id);
    }
    return answer(null);
  }

  *#rowsBelow(before: number): Generator<LeaseRow> {
    for (const { id, firstRow } of this.#state.tables.toReversed()) {
      for (let below = before; below > firstRow; ) {
        const rows = this.#store.leasesBelow(id, below, ROWS_AT_ONCE);
        yield* rows;
        below = rows.at(-1)?.id ?? firstRow;
      }
    }
  }
}

/** With the time its request began, which in a batch only the first event has. An entry numbered 0 is no attempt. */
function* attemptsIn({ entries }: LeaseRow): Generator<{ entry: Entry; startedAt: number }> {
  const startedAt = new Map<string, number>();
  for (const { a, l } of entries) startedAt.set(a, l);
  for (const { a, r } of entries) if (r !== null) startedAt.set(a, r.s);
  for (const entry of entries) if (entry.n > 0) yield { entry, startedAt: startedAt.get(entry.a) ?? entry.l };
}

function add(bucket: Counted, { out, r }: Entry): void {
  bucket.attempts += 1;
  if (out === "success") bucket.successes += 1;
  if (out === "failure") bucket.failures += 1;
  // Once a request: the others of a batch have no result of their own.
  if (r !== null) bucket.latency.add(r.d);
}

const shown = ([start, { latency, ...counts }]: [number, Counted]): AttemptCounts => ({
  start,
  ...counts,
  latency: latency.bins,
});
