import type { Ordering } from "./ordering.ts";

/**
 * Who may go now (DESIGN rule 9). A key is busy while one of its events is unsettled: leased, or a hole waiting for its
 * retry. Events that come meanwhile are not kept: their key becomes a lane, which remembers only the offset from which
 * to read the log again. So a key with a million events behind a failing one costs one row.
 */
export class Lanes {
  ordering: Ordering;
  /** Unsettled events, by key; keyless ones count in #unsettled alone. */
  readonly #busy = new Map<string, number>();
  #unsettled = 0;
  /** Key → the offset from which what waits behind it is read again. */
  readonly #waiting = new Map<string, number>();

  constructor(ordering: Ordering, waiting: Iterable<readonly [string, number]> = []) {
    this.ordering = ordering;
    for (const [key, next] of waiting) this.#waiting.set(key, next);
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  get waiting(): ReadonlyMap<string, number> {
    return this.#waiting;
  }

  /**
   * What to do with the next event of the log: `go` (lease it), `wait` (its key is blocked: the cursor moves on and the
   * lane remembers it) or `stop` (topic order: the cursor stays before it).
   */
  next(key: string | null): "go" | "wait" | "stop" {
    if (this.ordering === "topic") return this.#unsettled > 0 || this.#waiting.size > 0 ? "stop" : "go";
    if (key === null) return "go";
    // In any order: a lane is read up to the cursor, so an event that went past it would be sent again from the lane.
    if (this.#waiting.has(key)) return "wait";
    return this.ordering === "key" && this.#busy.has(key) ? "wait" : "go";
  }

  /** An event that has to wait; the first of its key opens the lane. Returns whether it did. */
  wait(key: string, offset: number): boolean {
    if (this.#waiting.has(key)) return false;
    this.#waiting.set(key, offset);
    return true;
  }

  /** An event becomes unsettled. Pair each with one settle. */
  begin(key: string | null): void {
    this.#unsettled += 1;
    if (key !== null) this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
  }

  settle(key: string | null): void {
    this.#unsettled -= 1;
    if (key === null) return;
    const left = (this.#busy.get(key) ?? 1) - 1;
    if (left > 0) this.#busy.set(key, left);
    else this.#busy.delete(key);
  }

  isBusy(key: string | null): boolean {
    return key !== null && this.#busy.has(key);
  }

  /** Whether the head of a lane may go. */
  isReady(key: string): boolean {
    if (!this.#waiting.has(key)) return false;
    if (this.ordering === "topic") return this.#unsettled === 0;
    return this.ordering === "none" || !this.#busy.has(key);
  }

  /** Lanes whose head may go, oldest lane first. */
  *ready(): Generator<readonly [key: string, next: number]> {
    for (const lane of this.#waiting) if (this.isReady(lane[0])) yield lane;
  }

  /** The lane is read on from `next`. */
  advance(key: string, next: number): void {
    if (this.#waiting.has(key)) this.#waiting.set(key, next);
  }

  /** Nothing waits any more. */
  end(key: string): void {
    this.#waiting.delete(key);
  }
}
