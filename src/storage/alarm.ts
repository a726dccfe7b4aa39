import type { Meter } from "./meter.ts";

/**
 * The one alarm of a Durable Object, shared by all its timers: it is pending for the earliest of them. A `setAlarm` is
 * a billed row, so the pending time is kept in memory and the alarm moved only to an earlier one; whoever wakes
 * too early looks what is due and asks again.
 */
export class ObjectAlarm {
  readonly #storage: Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;
  readonly #meter: Meter | undefined;
  /** Unix milliseconds; null = none is pending. Meaningful once #loaded. */
  #pending: number | null = null;
  #loaded = false;
  #loading: Promise<void> | null = null;

  constructor(storage: Pick<DurableObjectStorage, "getAlarm" | "setAlarm">, meter?: Meter) {
    this.#storage = storage;
    this.#meter = meter;
  }

  /**
   * Reads what is pending, once. Call it from `blockConcurrencyWhile` where a row and the alarm that looks after it
   * must be one commit: only a loaded alarm is set in the caller's own turn.
   */
  load(): Promise<void> {
    if (this.#loaded) return Promise.resolve();
    this.#loading ??= this.#storage.getAlarm().then(
      (pending) => {
        // fired() or an earlier load may have come first, and knows better.
        if (!this.#loaded) this.#pending = pending;
        this.#loaded = true;
        this.#loading = null;
      },
      (thrown: unknown) => {
        this.#loading = null;
        throw thrown;
      },
    );
    return this.#loading;
  }

  /**
   * Makes sure the alarm goes off at `at` (Unix milliseconds) or before; a time in the past means at once. Rejects
   * when storage refuses; then nothing is assumed and the next call asks storage again.
   */
  async earlier(at: number): Promise<void> {
    // No await when loaded: setAlarm must fall into the same commit as the rows written just before.
    if (!this.#loaded) await this.load();
    if (this.#pending !== null && this.#pending <= at) return;
    this.#pending = at;
    if (this.#meter !== undefined) this.#meter.rowsWritten += 1;
    try {
      await this.#storage.setAlarm(at);
    } catch (thrown) {
      this.#loaded = false;
      throw thrown;
    }
  }

  /** First thing in the `alarm` handler: the platform has taken the pending time away. */
  fired(): void {
    this.#pending = null;
    this.#loaded = true;
  }
}
