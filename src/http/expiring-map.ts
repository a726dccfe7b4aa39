/** A bounded memory of things that are only believed for a while. The clock is the caller's. */
export class ExpiringMap<V> {
  readonly #lifeMs: number;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(lifeMs: number, maxEntries: number) {
    this.#lifeMs = lifeMs;
    this.#maxEntries = maxEntries;
  }

  get(key: string, now: number): V | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.until > now) return entry.value;
    this.#entries.delete(key);
    return null;
  }

  /** Remembers the value from now on; the one remembered longest ago makes room. */
  set(key: string, value: V, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: now + this.#lifeMs });
    if (this.#entries.size <= this.#maxEntries) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
