/** One incarnation of something that can die: an object in memory, a deliverer, a queue's consumer, the outside. */
export class Life {
  readonly name: string;
  alive = true;
  readonly #onDeath: ((reason: string) => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  die(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    for (const run of this.#onDeath.splice(0)) run(reason);
  }

  /** Called once, when it dies. Returns the way to call it off. */
  onDeath(run: (reason: string) => void): () => void {
    this.#onDeath.push(run);
    return () => {
      const at = this.#onDeath.indexOf(run);
      if (at >= 0) this.#onDeath.splice(at, 1);
    };
  }
}

/** Thrown at what goes on after its incarnation has died: nothing it does may have an effect. */
export class Dead extends Error {}
