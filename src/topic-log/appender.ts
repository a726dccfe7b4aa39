import { encodeBlock, eventSizeBytes } from "../core/block.ts";
import { type Problem, problem } from "../core/errors.ts";
import type { AppendedEvent, AppendRequest, IdempotencyClaim, LogEvent, NewEvent } from "../core/event.ts";
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
import type { LogDeps } from "./deps.ts";
import type { Reader } from "./reader.ts";
import type { Schemas } from "./schemas.ts";
import type { LogState } from "./state.ts";
import type { TopicLogStore } from "./store.ts";

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
      if (this.#waiting.length === 0) this.#schedule(this.#gatherFor());
      this.#waiting.push({ request, bytes, answer });
      this.#waitingBytes += bytes;
      // Enough for one row: the others gather while this commit is made.
      if (this.#waiting.length === COMMIT_GATHER_REQUESTS) this.#schedule(0);
    });
  }

  /** Alone, an append waits for nobody; soon after a commit it waits for the others that are surely coming. */
  #gatherFor(): number {
    return this.#deps.now() - this.#flushedAt < COMMIT_BUSY_MS ? COMMIT_GATHER_MS : 0;
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

    const whole = this.#lookUp(request.idempotency, now);
    if (!whole.ok) return whole;
    if (whole.value !== null) return ok(this.#repeat(request.events, whole.value, log.tag));

    const known: (Known | null)[] = [];
    for (const event of request.events) {
      const one = this.#lookUp(event.idempotency, now);
      if (!one.ok) return one;
      known.push(one.value);
    }
    // After the duplicates: what was accepted once stays accepted, whatever the schemas say by now.
    const judged = this.#schemas.judge(request, (index) => known[index] === null);
    if (!judged.ok) return judged;
    const fresh = known.filter((one) => one === null).length;
    if (fresh > 0 && request.expectedOffset !== null && request.expectedOffset !== next) {
      return err(
        problem("offset-mismatch", `The event would get offset ${next}, not ${request.expectedOffset}.`, {
          extra: { nextOffset: next },
        }),
      );
    }
    if (fresh > 0 && this.#state.bytes >= PARTITION_MAX_BYTES) {
      return err(problem("topic-full", "The topic is full: shorten its retention or use another topic."));
    }
    warned.push(...judged.value);
    if (request.idempotency !== null) {
      this.#store.putIdempotency(request.idempotency.key, {
        fingerprint: request.idempotency.fingerprint,
        at: now,
        offset: next,
      });
    }
    return ok(
      request.events.map((event, index) => this.#take(event, known[index] ?? null, { now, tag: log.tag, events })),
    );
  }

  #lookUp(claim: IdempotencyClaim | null, now: number): Result<Known | null, Problem> {
    if (claim === null) return ok(null);
    const found = this.#store.idempotency(claim.key, now);
    if (found === null) return ok(null);
    if (claim.fingerprint !== null && found.fingerprint !== claim.fingerprint) {
      return err(
        problem(
          "idempotency-conflict",
          "This idempotency key was used for other bytes within the last 24 hours. Use a new key for a new event.",
        ),
      );
    }
    return ok(found);
  }

  /** The first answer again: the same bytes under the same key took consecutive offsets from `known.offset` on. */
  #repeat(events: readonly NewEvent[], known: Known, tag: number): AppendedEvent[] {
    return events.map((event, index) => this.#duplicate(event, { at: known.at, offset: known.offset + index }, tag));
  }

  #duplicate(event: NewEvent, known: Known, tag: number): AppendedEvent {
    const { partition } = this.#deps;
    return {
      id: encodeEventId({ time: known.at, tag, partition, offset: known.offset }),
      partition,
      offset: known.offset,
      type: event.type,
      time: event.time ?? formatRfc3339(known.at),
      duplicate: true,
    };
  }

  #take(
    event: AppendRequest["events"][number],
    known: Known | null,
    commit: { now: number; tag: number; events: LogEvent[] },
  ): AppendedEvent {
    if (known !== null) return this.#duplicate(event, known, commit.tag);
    const { partition } = this.#deps;
    const offset = this.#state.nextOffset + commit.events.length;
    const { idempotency, ...plain } = event;
    const time = event.time ?? formatRfc3339(commit.now);
    const id = encodeEventId({ time: commit.now, tag: commit.tag, partition, offset });
    commit.events.push({ ...plain, id, partition, offset, time, receivedAt: commit.now });
    if (idempotency !== null) {
      this.#store.putIdempotency(idempotency.key, { fingerprint: idempotency.fingerprint, at: commit.now, offset });
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

interface Known {
  readonly at: number;
  readonly offset: number;
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
