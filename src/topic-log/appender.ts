import { encodeBlock, eventSizeBytes } from "../core/block.ts";
import { type Problem, problem } from "../core/errors.ts";
import type { AppendedEvent, AppendRequest, LogEvent } from "../core/event.ts";
import { encodeEventId } from "../core/ids.ts";
import {
  APPEND_QUEUE_MAX_BYTES,
  BLOCK_MAX_BYTES,
  COMMIT_BUSY_MS,
  COMMIT_GATHER_MS,
  COMMIT_GATHER_REQUESTS,
  PARTITION_MAX_BYTES,
} from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import { findPlaces, lookUp } from "./claims.ts";
import type { LogDeps } from "./deps.ts";
import type { Reader } from "./reader.ts";
import type { Schemas } from "./schemas.ts";
import type { LogState } from "./state.ts";
import type { IdempotencyRow, Place, TopicLogStore } from "./store.ts";

type Answer = Result<readonly AppendedEvent[], Problem>;

interface Waiting {
  readonly request: AppendRequest;
  readonly bytes: number;
  readonly answer: (answer: Answer) => void;
}

const GONE = problem("not-found", "There is no such topic.");
const FAILED = problem("unavailable", "The events could not be stored; nothing was kept. Try again.", {
  retryAfterSeconds: 1,
});

/**
 * Group commit: appends that arrive together become one transaction and one row. Each request is judged by itself:
 * a refused one leaves its neighbours alone; only a failing commit fails them all, and leaves nothing.
 */
export class Appender {
  readonly #deps: LogDeps;
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  readonly #reader: Reader;
  readonly #schemas: Schemas;
  readonly #committed: (events: readonly LogEvent[]) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushedAt = 0;
  #scheduled = 0;

  /** `committed` is called in the turn of the commit, so that the alarm it sets is durable with the events. */
  constructor(
    deps: LogDeps,
    parts: { state: LogState; store: TopicLogStore; reader: Reader; schemas: Schemas },
    committed: (events: readonly LogEvent[]) => void,
  ) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#store = parts.store;
    this.#reader = parts.reader;
    this.#schemas = parts.schemas;
    this.#committed = committed;
  }

  append(request: AppendRequest): Promise<Answer> {
    if (this.#state.live === null) return Promise.resolve(err(GONE));
    const bytes = request.events.reduce((sum, event) => sum + eventSizeBytes(event), 0);
    if (this.#waitingBytes + bytes > APPEND_QUEUE_MAX_BYTES && this.#waiting.length > 0) {
      return Promise.resolve(
        err(problem("overloaded", "This topic takes no more right now.", { retryAfterSeconds: 1 })),
      );
    }
    return new Promise((answer) => {
      this.#waiting.push({ request, bytes, answer });
      this.#waitingBytes += bytes;
      if (this.#waiting.length === 1) {
        if (this.#isBusy()) this.#schedule(COMMIT_GATHER_MS);
        else this.#flushAfterTurn();
      }
      // Enough for one row: the others gather while this commit is made.
      if (this.#waiting.length === COMMIT_GATHER_REQUESTS) this.#flushAfterTurn();
    });
  }

  /** Alone, an append waits for nobody; soon after a commit it waits for the others that are surely coming. */
  #isBusy(): boolean {
    return this.#deps.now() - this.#flushedAt < COMMIT_BUSY_MS;
  }

  /** With what else this very turn brings. A timer of no time would take the platform a millisecond. */
  #flushAfterTurn(): void {
    this.#scheduled += 1;
    const mine = this.#scheduled;
    void Promise.resolve().then(() => {
      if (mine === this.#scheduled) this.#flush();
    });
  }

  /** The newest schedule counts: a timer of a group that has gone flushes nobody else's early. */
  #schedule(milliseconds: number): void {
    this.#scheduled += 1;
    const mine = this.#scheduled;
    this.#deps.defer(() => {
      if (mine === this.#scheduled) this.#flush();
    }, milliseconds);
  }

  #flush(): void {
    this.#flushedAt = this.#deps.now();
    const group = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const answers = this.#commit(group);
    group.forEach((waiting, index) => {
      waiting.answer(answers[index] ?? err(FAILED));
    });
  }

  #commit(group: readonly Waiting[]): readonly Answer[] {
    const started = this.#deps.now();
    const now = this.#state.time(started);
    const events: LogEvent[] = [];
    const warned: string[] = [];
    try {
      const answers = this.#store.transaction(() => {
        const placed = group.map(({ request }) => this.#place(request, now, { events, warned }));
        if (events.length > 0) this.#writeBlocks(events, now);
        for (const [type, count] of counted(warned)) this.#store.addWarnings(type, count);
        return placed;
      });
      if (events.length > 0) this.#committed(events);
      const warnings = warned.length > 0 ? { schemaWarnings: warned.length } : {};
      this.#deps.log("commit", { ...who(group), events: events.length, head: this.#state.head, ...warnings });
      return answers;
    } catch (thrown) {
      this.#state.reload();
      this.#reader.forget();
      this.#deps.log("commit-failed", { ...who(group), message: String(thrown) });
      return group.map(() => err(FAILED));
    }
  }

  /** Judges one request whole before anything of it is taken up. */
  #place(request: AppendRequest, now: number, { events, warned }: { events: LogEvent[]; warned: string[] }): Answer {
    const log = this.#state.live;
    if (log === null) return err(GONE);
    const next = this.#state.nextOffset + events.length;
    const commit = { tag: log.tag, events };

    const whole = lookUp(this.#store, request.idempotency, now);
    if (!whole.ok) return whole;
    if (whole.value !== null) return ok(this.#repeat(request.events, whole.value, commit));

    const found = findPlaces(this.#store, request.events, { now, next });
    if (!found.ok) return found;
    const { places, fresh } = found.value;
    // After the duplicates: what was accepted once stays accepted, whatever the schemas say by now.
    const judged = this.#schemas.judge(request, (index) => fresh.has(index));
    if (!judged.ok) return judged;
    if (fresh.size > 0 && request.expectedOffset !== null && request.expectedOffset !== next) {
      return err(
        problem("offset-mismatch", `The event would get offset ${next}, not ${request.expectedOffset}.`, {
          extra: { nextOffset: next },
        }),
      );
    }
    if (fresh.size > 0 && this.#state.bytes >= PARTITION_MAX_BYTES) {
      return err(problem("topic-full", "The topic is full: shorten its retention or use another topic."));
    }
    warned.push(...judged.value);
    if (request.idempotency !== null) {
      this.#store.putIdempotency(request.idempotency.key, {
        fingerprint: request.idempotency.fingerprint,
        ...{ at: now, offset: next },
        places: fresh.size === places.length ? null : places,
      });
    }
    return ok(
      request.events.map((event, index) => {
        const place = places[index] ?? { at: now, offset: next + index };
        return place.offset < this.#state.nextOffset + events.length
          ? this.#duplicate(event, place, commit)
          : this.#take(event, place, commit);
      }),
    );
  }

  /** The first answer again. Unless some were duplicates then, the events took consecutive offsets from `known.offset` on. */
  #repeat(events: AppendRequest["events"], known: IdempotencyRow, commit: Commit): AppendedEvent[] {
    return events.map((event, index) =>
      this.#duplicate(event, known.places?.[index] ?? { at: known.at, offset: known.offset + index }, commit),
    );
  }

  /** The bytes may be others than the first ones only where the claim looks at none: then the first one is asked. */
  #duplicate(event: AppendRequest["events"][number], place: Place, { tag, events }: Commit): AppendedEvent {
    const { partition } = this.#deps;
    const { nextOffset } = this.#state;
    const first =
      event.idempotency?.fingerprint !== null
        ? null
        : place.offset < nextOffset
          ? this.#reader.event(place.offset)
          : events[place.offset - nextOffset];
    return {
      id: encodeEventId({ time: place.at, tag, partition, offset: place.offset }),
      partition,
      offset: place.offset,
      type: first?.type ?? event.type,
      time: first?.time ?? event.time ?? formatRfc3339(place.at),
      duplicate: true,
    };
  }

  #take(event: AppendRequest["events"][number], { at, offset }: Place, { tag, events }: Commit): AppendedEvent {
    const { partition } = this.#deps;
    const { idempotency, ...plain } = event;
    const time = event.time ?? formatRfc3339(at);
    const id = encodeEventId({ time: at, tag, partition, offset });
    events.push({ ...plain, id, partition, offset, time, receivedAt: at });
    if (idempotency !== null) {
      this.#store.putIdempotency(idempotency.key, { fingerprint: idempotency.fingerprint, at, offset, places: null });
    }
    return { id, partition, offset, type: event.type, time, duplicate: false };
  }

  #writeBlocks(events: readonly LogEvent[], now: number): void {
    for (const block of blocksOf(events)) {
      const first = block[0];
      const last = block.at(-1);
      if (first === undefined || last === undefined) continue;
      const segment = this.#state.segmentFor(now);
      const body = encodeBlock(block);
      const bytesTotal = this.#state.bytesTotal + body.byteLength;
      const row = { firstOffset: first.offset, lastOffset: last.offset, receivedAt: now, bytesTotal };
      this.#store.insertBlock(segment.id, row, body);
      this.#state.nextOffset = last.offset + 1;
      this.#state.bytesTotal = bytesTotal;
      this.#state.lastReceivedAt = now;
      this.#reader.remember(first.offset, block, body.byteLength);
    }
  }
}

/** The one line of a commit speaks for all its requests: an accepted publish has no line of its own. */
const who = (group: readonly Waiting[]) => ({
  requests: group.length,
  requestIds: group.flatMap(({ request }) => request.requestId ?? []).join(" "),
});

function counted(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** The log a commit adds to, and what is in it so far. */
interface Commit {
  readonly tag: number;
  readonly events: LogEvent[];
}

/** Cuts one commit into blocks that fit a row; only an event that is larger by itself exceeds BLOCK_MAX_BYTES. */
function blocksOf(events: readonly LogEvent[]): LogEvent[][] {
  const blocks: LogEvent[][] = [];
  let bytes = 0;
  for (const event of events) {
    const size = eventSizeBytes(event);
    const open = blocks.at(-1);
    if (open === undefined || bytes + size > BLOCK_MAX_BYTES) {
      blocks.push([event]);
      bytes = size;
    } else {
      open.push(event);
      bytes += size;
    }
  }
  return blocks;
}
