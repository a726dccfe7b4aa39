import { encodeBlock } from "../core/block.ts";
import { erasedEvent } from "../core/erased-event.ts";
import { type Problem, problem } from "../core/errors.ts";
import type { LogEvent } from "../core/event.ts";
import { COUNT_SCAN_MAX_BYTES, ERASE_MAX_EVENTS, SCAN_MAX_EVENTS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { LogDeps } from "./deps.ts";
import type { FanOut } from "./fan-out.ts";
import type { Queries } from "./queries.ts";
import type { Reader } from "./reader.ts";
import type { EraseAnswer, EraseQuery } from "./rpc.ts";
import type { TopicLogStore } from "./store.ts";

const UNHEARD = problem(
  "unavailable",
  "The payloads are erased in the log, and a subscription could not be told. Repeat the request until it succeeds.",
  { retryAfterSeconds: 1 },
);

/** Without the data: a thousand events may have a gigabyte of it. */
type Found = { readonly offset: number; readonly erased?: true | undefined };

/**
 * Erases payloads (API clause 4.9): blocks are written anew in place, offsets and all that orders events stay. Then every
 * subscription forgets what it had read. Nothing is noted of what is left to do: a request that was cut off is repeated,
 * and goes through all of it again.
 */
export class Erasure {
  readonly #deps: LogDeps;
  readonly #store: TopicLogStore;
  readonly #reader: Reader;
  readonly #queries: Queries;
  readonly #fanOut: FanOut;

  constructor(deps: LogDeps, parts: { store: TopicLogStore; reader: Reader; queries: Queries; fanOut: FanOut }) {
    this.#deps = deps;
    this.#store = parts.store;
    this.#reader = parts.reader;
    this.#queries = parts.queries;
    this.#fanOut = parts.fanOut;
  }

  async erase(id: string): Promise<Result<LogEvent, Problem>> {
    const event = this.#queries.event(id);
    if (!event.ok) return event;
    const heard = await this.#erase([event.value]);
    return heard ? this.#queries.event(id) : err(UNHEARD);
  }

  async eraseKey({ key, after }: EraseQuery): Promise<Result<EraseAnswer, Problem>> {
    const events: Found[] = [];
    let scanned = 0;
    let bytes = 0;
    let last = after;
    let next: number | null = null;
    for (const event of this.#reader.ascending(after + 1)) {
      if (scanned >= SCAN_MAX_EVENTS || events.length >= ERASE_MAX_EVENTS || bytes >= COUNT_SCAN_MAX_BYTES) {
        next = last;
        break;
      }
      scanned += 1;
      bytes += event.data.byteLength;
      last = event.offset;
      if (event.key === key) events.push({ offset: event.offset, erased: event.erased });
    }
    const heard = await this.#erase(events);
    return heard ? ok({ events: events.length, next }) : err(UNHEARD);
  }

  /** False where a subscription could not be told. */
  async #erase(events: readonly Found[]): Promise<boolean> {
    if (events.length === 0) return true;
    this.#rewrite(events.filter(({ erased }) => erased !== true));
    const offsets = events.map(({ offset }) => offset);
    const erased = { offsets, at: this.#deps.now() };
    const last = Math.max(...offsets);
    const ids = [...this.#fanOut.listeners.values()].filter(({ row }) => row.start <= last).map(({ row }) => row.id);
    const told = await Promise.allSettled(ids.map((id) => this.#deps.erased(id, erased)));
    return told.every(({ status }) => status === "fulfilled");
  }

  #rewrite(events: readonly Found[]): void {
    if (events.length === 0) return;
    const erasing = new Set(events.map(({ offset }) => offset));
    let done = 0;
    try {
      this.#store.transaction(() => {
        for (const { offset } of events) {
          if (offset <= done) continue;
          const block = this.#reader.block(offset);
          const first = block?.events[0];
          if (block === null || first === undefined) continue;
          const left = block.events.map((event) => (erasing.has(event.offset) ? erasedEvent(event) : event));
          this.#store.replaceBlock(block.segment, first.offset, encodeBlock(left));
          done = left.at(-1)?.offset ?? done;
        }
      });
    } finally {
      // Whether it was written or refused: what is read next is what is stored.
      this.#reader.forget();
      this.#fanOut.forgetEvents();
    }
    this.#deps.log("erase", { events: events.length });
  }
}
