import { SEND_START_MAX_MS } from "../core/limits.ts";
import type { Erased } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Entry, LeaseRow } from "./model.ts";
import type { SubscriptionState } from "./state.ts";
import type { SubscriptionStore } from "./store.ts";

/** In place of an answer to an erased event: it may have repeated the event. */
const NO_ANSWER = { headers: {}, body: "", truncated: true };

/** Forgets payloads that were erased in the log (API clause 4.9). */
export class Forgetting {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #store: SubscriptionStore;

  constructor(deps: SubscriptionDeps, state: SubscriptionState, store: SubscriptionStore) {
    this.#deps = deps;
    this.#state = state;
    this.#store = store;
  }

  /**
   * What was read is read again. Answers after the barrier where one of them is under way: by then it has begun, or will
   * not begin.
   */
  async forget({ offsets, at }: Erased): Promise<void> {
    const state = this.#state;
    state.erasedAt = Math.max(state.erasedAt, at);
    state.forgetScan();
    const erased = new Set(offsets);
    for (const { id } of state.tables) this.#forgetEntries(id, erased);
    state.commit();
    this.#deps.alarm(this.#deps.now());
    if (offsets.some((offset) => state.flights.has(offset))) await this.#deps.sleep(SEND_START_MAX_MS);
  }

  #forgetEntries(table: number, erased: ReadonlySet<number>): void {
    const ascending = [...erased].sort((a, b) => a - b);
    for (const { id } of this.#store.rangesAround(table, ascending[0] ?? 0, ascending.at(-1) ?? 0)) {
      const row = this.#state.row(id);
      const entries = row === null ? [] : entriesOf(row, erased);
      for (const entry of entries) {
        if (entry.r !== null && entry.r.x !== null) entry.r = { ...entry.r, x: NO_ANSWER };
        delete entry.hd;
      }
      if (row !== null && entries.length > 0) this.#state.touchRow(row);
    }
  }
}

/** The entries of these events, and of a batch with one of them the entry that has the result of all. */
function entriesOf({ entries }: LeaseRow, erased: ReadonlySet<number>): Entry[] {
  const told = new Set(entries.filter(({ o }) => erased.has(o)).flatMap(({ o, m }) => [o, m ?? o]));
  return entries.filter(({ o }) => told.has(o));
}
