import { type Problem, problem } from "../core/errors.ts";
import type { Filter } from "../core/filter.ts";
import { SUBSCRIPTIONS_PER_TOPIC_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ExpiryNotice } from "./expiry-notice.ts";
import type { FanOut, Listener } from "./fan-out.ts";
import { truncated } from "./queries.ts";
import type { Reader } from "./reader.ts";
import type { Start } from "./rpc.ts";
import type { LogState } from "./state.ts";
import type { TopicLogStore } from "./store.ts";

/** Which subscriptions there are, where each begins, and by which filter. */
export class Registrations {
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  readonly #reader: Reader;
  readonly #fanOut: FanOut;
  readonly #expiryNotice: ExpiryNotice;

  constructor(
    parts: { state: LogState; store: TopicLogStore; reader: Reader },
    fanOut: FanOut,
    expiryNotice: ExpiryNotice,
  ) {
    this.#state = parts.state;
    this.#store = parts.store;
    this.#reader = parts.reader;
    this.#fanOut = fanOut;
    this.#expiryNotice = expiryNotice;
  }

  /** Answers with the offset after which `start` begins. */
  register(
    subscription: string,
    filter: Filter,
    filterVersion: number,
    start: Start,
  ): Result<{ cursor: number; head: number }, Problem> {
    const { listeners } = this.#fanOut;
    const { head } = this.#state;
    const known = listeners.get(subscription);
    if (known !== undefined) return ok({ cursor: known.row.start - 1, head });
    if (listeners.size >= SUBSCRIPTIONS_PER_TOPIC_MAX) {
      return err(problem("limit-reached", `A topic takes ${SUBSCRIPTIONS_PER_TOPIC_MAX} subscriptions.`));
    }
    const cursor = this.startOf(start);
    if (!cursor.ok) return cursor;
    const row = {
      id: subscription,
      filter: JSON.stringify(filter),
      filterVersion,
      start: cursor.value + 1,
      quietFrom: cursor.value,
      quietTo: cursor.value,
      removing: false,
    };
    this.#store.putSubscriber(row);
    // It pulls as soon as it is told the start, and holds an alarm until it has.
    const listener = this.#fanOut.add(row);
    listener.mode = "pull";
    if (cursor.value < head) this.#expiryNotice.begins(listener, cursor.value);
    return ok({ cursor: cursor.value, head });
  }

  setFilter(listener: Listener, filter: Filter, filterVersion: number): void {
    if (filterVersion <= listener.row.filterVersion) return;
    const { start } = listener.row;
    // What was quiet for the old filter may match the new one, for what has not been scanned by the subscription.
    const quiet = listener.known ?? start - 1;
    const row = { ...listener.row, filter: JSON.stringify(filter), filterVersion, quietFrom: quiet, quietTo: quiet };
    this.#store.putSubscriber(row);
    listener.row = row;
    this.#fanOut.refilter(listener, filter);
    listener.quietFrom = quiet;
    listener.quietTo = quiet;
    // The subscription pulls under the new filter by itself, and holds an alarm until it has.
    listener.mode = "pull";
  }

  /** The offset before the first event of a place in the log. */
  startOf(start: Start): Result<number, Problem> {
    const { head, firstOffset, nextOffset } = this.#state;
    if (start === "latest") return ok(head);
    if (start === "earliest") return ok(firstOffset - 1);
    if ("time" in start) return ok(this.#reader.offsetAt(start.time) - 1);
    if (start.offset < firstOffset) return err(truncated(firstOffset));
    if (start.offset > nextOffset) {
      return err(
        problem("invalid", `The log ends at offset ${head}; a subscription can start at ${nextOffset} at most.`),
      );
    }
    return ok(start.offset - 1);
  }
}
