interface Piece {
  readonly what: string;
  readonly since: number;
}

/** What has begun and not ended: told when a run takes too long. */
export class UnderWay {
  readonly #pieces = new Set<Piece>();

  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const piece = { what, since: performance.now() };
    this.#pieces.add(piece);
    try {
      return await work();
    } finally {
      this.#pieces.delete(piece);
    }
  }

  /** Each with how long it has been going on. */
  toString(): string {
    const now = performance.now();
    const pieces = [...this.#pieces].map(({ what, since }) => `${what} (${((now - since) / 1000).toFixed(1)} s)`);
    return pieces.join(", ") || "nothing";
  }
}
