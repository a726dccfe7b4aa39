import { type Gateway, KilledWhileStarting, type Variables } from "../support/gateway-process.ts";
import { type Journal, type KillRecord, now } from "./journal.ts";
import type { KillKind } from "./plan.ts";

/** What is to come: how the next blow is called, and whether others follow it. */
export interface Blow {
  readonly kind: KillKind;
  /** Killed again when the starting gateway has said so many lines; null = it may start. */
  readonly againAtLine: number | null;
  /** Killed again as soon as it is healthy. */
  readonly againWhenUp: boolean;
}

/** Takes the power away and gives it back. `up` is what everybody waits for who wants an answer. */
export class Power {
  readonly #gateway: Gateway;
  readonly #journal: Journal;
  up: Promise<void> = Promise.resolve();
  /** Milliseconds of the very first start, which also had to build everything. */
  firstStart = 0;
  #alive = true;
  #blow: Blow | null = null;
  #struck: () => void = () => undefined;
  #againAtLine: number | null = null;

  constructor(gateway: Gateway, journal: Journal) {
    this.#gateway = gateway;
    this.#journal = journal;
  }

  /** The next strike is this one. Resolves when the gateway is up again after it. */
  expect(blow: Blow): Promise<void> {
    this.#blow = blow;
    const struck = new Promise<void>((resolve) => {
      this.#struck = resolve;
    });
    return struck.then(() => this.up);
  }

  /** SIGKILL to all processes, in the caller's own turn. False: it has been struck already. */
  strike(note: string): boolean {
    const blow = this.#blow;
    if (blow === null || !this.#alive) return false;
    this.#blow = null;
    this.#alive = false;
    const record = this.#record(blow.kind, note);
    const gone = this.#gateway.kill();
    this.up = this.#recover(gone, record, blow);
    // Whoever waits for it hears of it; when the run is over, nobody does.
    this.up.catch(() => undefined);
    this.#struck();
    return true;
  }

  /** Of the gateway's output since its start. */
  heardLine(count: number): void {
    if (this.#againAtLine === null || count < this.#againAtLine) return;
    this.#againAtLine = null;
    // Whoever starts it again waits for its end, and hears of it.
    this.#gateway.kill().catch(() => undefined);
  }

  /** A restart of its own, with other variables: not a blow of the plan. */
  async restart(kind: KillKind, variables: Variables): Promise<void> {
    const record = this.#record(kind, "at the end");
    const startedAt = await this.#start(variables);
    record.upAt = now();
    record.startMilliseconds = performance.now() - startedAt;
  }

  async #recover(gone: Promise<void>, record: KillRecord, blow: Blow): Promise<void> {
    await gone;
    let last = record;
    if (blow.againAtLine !== null) {
      this.#againAtLine = blow.againAtLine;
      const killed = await this.#start().then(
        () => false,
        (thrown: unknown) => {
          if (thrown instanceof KilledWhileStarting) return true;
          throw thrown;
        },
      );
      this.#againAtLine = null;
      last.upAt = now();
      last = this.#record(blow.kind, killed ? `while starting, at line ${blow.againAtLine}` : "when it had started");
    }
    if (blow.againWhenUp) {
      const startedAt = await this.#start();
      last.upAt = now();
      last.startMilliseconds = performance.now() - startedAt;
      last = this.#record(blow.kind, "as soon as it was healthy again");
    }
    const startedAt = await this.#start();
    last.upAt = now();
    last.startMilliseconds = performance.now() - startedAt;
    this.#alive = true;
  }

  /** Returns when the process was started. */
  async #start(variables: Variables = {}): Promise<number> {
    await this.#gateway.kill();
    const startedAt = performance.now();
    await this.#gateway.restart(variables);
    return startedAt;
  }

  #record(kind: KillKind, note: string): KillRecord {
    const record: KillRecord = { kind, note, at: now(), upAt: Number.POSITIVE_INFINITY, startMilliseconds: null };
    this.#journal.kills.push(record);
    return record;
  }
}
