/** Bounds in order, numbers and strings apart: those that a value has reached are the first ones. */
export class SortedBounds<T> {
  readonly #numbers: { readonly bound: number; readonly item: T }[] = [];
  readonly #strings: { readonly bound: string; readonly item: T }[] = [];
  readonly #direction: 1 | -1;

  /** ascending: a value has reached the bounds that are not above it. descending: those that are not below it. */
  constructor(order: "ascending" | "descending") {
    this.#direction = order === "ascending" ? 1 : -1;
  }

  get size(): number {
    return this.#numbers.length + this.#strings.length;
  }

  /** Returns what takes the item out again. */
  add(bound: unknown, item: T): () => void {
    if (typeof bound === "number") return this.#insert(this.#numbers, bound, item);
    if (typeof bound === "string") return this.#insert(this.#strings, bound, item);
    return () => {};
  }

  /** Adds the items whose bound the value has reached. */
  reached(value: unknown, found: Set<T>): void {
    if (typeof value === "number") this.#collect(this.#numbers, value, found);
    else if (typeof value === "string") this.#collect(this.#strings, value, found);
  }

  #insert<B extends number | string>(bounds: { bound: B; item: T }[], bound: B, item: T): () => void {
    const entry = { bound, item };
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = bounds[middle];
      if (there !== undefined && this.#compare(there.bound, bound) <= 0) low = middle + 1;
      else high = middle;
    }
    bounds.splice(low, 0, entry);
    return () => {
      bounds.splice(bounds.indexOf(entry), 1);
    };
  }

  #collect<B extends number | string>(bounds: readonly { bound: B; item: T }[], value: B, found: Set<T>): void {
    for (const { bound, item } of bounds) {
      if (this.#compare(bound, value) > 0) return;
      found.add(item);
    }
  }

  #compare<B extends number | string>(a: B, b: B): number {
    return a === b ? 0 : a < b ? -this.#direction : this.#direction;
  }
}
