import type { Random } from "./random.ts";

/** Something that will happen: every callback, timer, message and answer of the simulated world is one. */
export interface Happening {
  readonly at: number;
  readonly label: string;
  readonly run: () => void;
  /** Breaks ties among what is due at the same millisecond. */
  readonly order: number;
  cancelled: boolean;
}

/** How many notes a failing run shows; SLUICE_SIM_TRACE asks for more, and then calls tell what they carry. */
const TRACE_NOTES = Number(process.env.SLUICE_SIM_TRACE ?? 40);

/** Virtual time, and the one queue of all that will happen, in the order of time and, within a millisecond, of chance. */
export class Timeline {
  /** Unix milliseconds. */
  now: number;
  /** Steps run so far: the order of all that happened. */
  step = 0;
  readonly #random: Random;
  readonly #heap: Happening[] = [];
  readonly #trace: string[] = [];

  constructor(startAt: number, random: Random) {
    this.now = startAt;
    this.#random = random;
  }

  after(milliseconds: number, label: string, run: () => void): Happening {
    return this.at(this.now + milliseconds, label, run);
  }

  /** Clocks show whole milliseconds: nothing happens between two of them. */
  at(when: number, label: string, run: () => void): Happening {
    const at = Math.ceil(when);
    const happening = { at, label, run, order: this.#random.next(), cancelled: false };
    this.#push(happening);
    return happening;
  }

  /** When the next thing happens; null = never. */
  get nextAt(): number | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (!first.cancelled) return first.at;
      this.#pop();
    }
    return null;
  }

  /** Lets the next thing happen, and all that follows from it without waiting. False when there is none. */
  async advance(): Promise<boolean> {
    if (this.nextAt === null) return false;
    const happening = this.#pop();
    if (happening === undefined) return false;
    this.now = Math.max(this.now, happening.at);
    this.step += 1;
    this.note(happening.label);
    happening.run();
    // A macrotask: every promise that can go on has done so before the next step.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Time passes without anything happening in it, as when a machine was suspended. */
  jump(milliseconds: number): void {
    this.now += milliseconds;
    this.note(`time jumps by ${milliseconds} ms`);
  }

  /** Whether notes may be long: somebody looks for a fault. */
  readonly verbose = process.env.SLUICE_SIM_TRACE !== undefined;

  note(text: string): void {
    this.#trace.push(`#${this.step} t=${this.now} ${text}`);
    if (this.#trace.length > 2 * TRACE_NOTES) this.#trace.splice(0, TRACE_NOTES);
  }

  /** The last steps, oldest first. */
  get trace(): readonly string[] {
    return this.#trace.slice(-TRACE_NOTES);
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    heap.push(happening);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < heap.length && this.#before(left, least)) least = left;
      if (right < heap.length && this.#before(right, least)) least = right;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const one = this.#heap[a];
    const other = this.#heap[b];
    if (one === undefined || other === undefined) return false;
    return one.at < other.at || (one.at === other.at && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    const one = this.#heap[a];
    const other = this.#heap[b];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
