/** One timer for the deadlines of many requests: a timer for each costs as much as its signature, and is nearly never needed. */
export class Deadlines {
  readonly #now: () => number;
  readonly #open = new Set<Deadline>();
  #timer: { readonly id: ReturnType<typeof setTimeout>; readonly at: number } | null = null;

  /** `now`: Unix milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Aborts its signal when the time is over, unless it was ended before. Whoever opens one ends it. */
  open(milliseconds: number): Deadline {
    const deadline = { at: this.#now() + milliseconds, controller: new AbortController() };
    this.#open.add(deadline);
    if (this.#timer === null || deadline.at < this.#timer.at) this.#arm(deadline.at);
    return deadline;
  }

  end(deadline: Deadline): void {
    this.#open.delete(deadline);
    if (this.#open.size === 0) this.#disarm();
  }

  #arm(at: number): void {
    this.#disarm();
    this.#timer = { id: setTimeout(() => this.#fired(), Math.max(0, at - this.#now())), at };
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    this.#timer = null;
  }

  #fired(): void {
    this.#timer = null;
    const now = this.#now();
    let next = Number.POSITIVE_INFINITY;
    for (const deadline of this.#open) {
      if (deadline.at > now) next = Math.min(next, deadline.at);
      else {
        this.#open.delete(deadline);
        deadline.controller.abort();
      }
    }
    if (Number.isFinite(next)) this.#arm(next);
  }
}

export interface Deadline {
  /** Unix milliseconds. */
  readonly at: number;
  readonly controller: AbortController;
}
