import { EVENTS_TOPIC } from "../core/operational-event.ts";
import type { LogDeps } from "./deps.ts";
import type { FanOut, Listener } from "./fan-out.ts";
import type { LogState } from "./state.ts";

/**
 * Tells subscriptions which events will be dropped before long; each knows by itself whether that is news. What was told
 * is memory: told again after a restart, it is not said twice.
 */
export class ExpiryNotice {
  readonly #deps: LogDeps;
  readonly #state: LogState;
  readonly #fanOut: FanOut;
  readonly #told = new WeakMap<Listener, number>();
  /** Everybody has heard of what ends here. */
  #toldAll = 0;

  constructor(deps: LogDeps, state: LogState, fanOut: FanOut) {
    this.#deps = deps;
    this.#state = state;
    this.#fanOut = fanOut;
  }

  /** False: somebody could not be reached, look again soon. */
  async tell(now: number): Promise<boolean> {
    const through = this.#state.expiringThrough(now);
    if (through === null || this.#deps.topic === EVENTS_TOPIC) return true;
    const due = [...this.#fanOut.listeners.values()].filter(
      (one) => (this.#told.get(one) ?? 0) < through && one.row.start <= through,
    );
    const answers = await Promise.allSettled(
      due.map(async (listener) => {
        await this.#deps.expiring(listener.row.id, through);
        this.#told.set(listener, through);
      }),
    );
    if (answers.some((one) => one.status === "rejected")) return false;
    this.#toldAll = Math.max(this.#toldAll, through);
    return true;
  }

  /** When somebody is to be told of what everybody has not heard yet. */
  get dueAt(): number | null {
    return this.#dueFor(this.#toldAll);
  }

  /** Somebody begins, or begins again, after `cursor`: the alarm may have been set for those before. */
  begins(listener: Listener, cursor: number): void {
    this.#told.delete(listener);
    const due = this.#dueFor(cursor);
    if (due !== null) this.#deps.alarm(due);
  }

  #dueFor(after: number): number | null {
    const nobody = this.#deps.topic === EVENTS_TOPIC || this.#fanOut.listeners.size === 0;
    return nobody ? null : this.#state.expiringDueAt(after);
  }
}
