import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../../src/core/sql.ts";
import { ObjectAlarm } from "../../../src/storage/alarm.ts";
import { nodeSql } from "../node-sql.ts";
import { AlarmClock } from "./alarm-clock.ts";
import type { Ground } from "./ground.ts";
import { Dead, type Life } from "./life.ts";

/** What an object's code gets from the platform, for one incarnation: after its death none of it has an effect. */
export interface Surroundings {
  readonly life: Life;
  readonly sql: Sql;
  /** Without faults: for what the platform does before the object takes requests. */
  readonly migrationSql: Sql;
  readonly alarm: ObjectAlarm;
  /** What was pending when the object was opened. */
  readonly pendingAlarm: number | null;
  defer(run: () => void, milliseconds?: number): void;
  background(work: Promise<void>): void;
  eraseStorage(): void;
}

/** An object's code in memory. */
export interface Incarnation {
  readonly methods: object;
  /** The object's `alarm()` handler. */
  onAlarm(): Promise<void>;
}

interface Opened {
  readonly life: Life;
  readonly ready: Promise<Incarnation>;
}

const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|CREATE|DROP)/i;

/** A Durable Object: storage and one alarm that last, code in memory that does not. */
export class SimObject {
  readonly name: string;
  readonly #ground: Ground;
  readonly #open: (around: Surroundings) => Incarnation;
  readonly #clock: AlarmClock;
  #db = new DatabaseSync(":memory:");
  #sql: Sql = nodeSql(this.#db);
  #opened: Opened | null = null;
  #diedAt = 0;

  constructor(ground: Ground, name: string, open: (around: Surroundings) => Incarnation) {
    this.name = name;
    this.#ground = ground;
    this.#open = open;
    this.#clock = new AlarmClock(ground, name, () => this.#ring());
  }

  /** What is stored, for the checkers. */
  get stored(): Sql {
    return this.#sql;
  }

  get pendingAlarm(): number | null {
    return this.#clock.pending;
  }

  get awake(): boolean {
    return this.#opened !== null;
  }

  async invoke(method: string, args: readonly unknown[]): Promise<unknown> {
    const { life, ready } = this.#awaken();
    return new Promise((resolve, reject) => {
      const off = life.onDeath((reason) => reject(new Error(reason)));
      const answer = ready.then((incarnation) => {
        const run: unknown = Reflect.get(incarnation.methods, method);
        if (typeof run !== "function") throw new Error(`${this.name} has no method ${method}`);
        return run.apply(incarnation.methods, args);
      });
      answer.then(resolve, reject).finally(off);
    });
  }

  /** The incarnation is gone; the next call or alarm makes another. */
  restart(reason: string): void {
    this.#opened?.life.die(reason);
  }

  close(): void {
    this.#db.close();
  }

  #awaken(): Opened {
    if (this.#opened !== null) return this.#opened;
    const life = this.#ground.live(this.name);
    const opened = { life, ready: this.#construct(life) };
    this.#opened = opened;
    life.onDeath(() => {
      this.#opened = null;
      this.#diedAt = this.#ground.timeline.now;
    });
    return opened;
  }

  async #construct(life: Life): Promise<Incarnation> {
    const ground = this.#ground;
    // Waking up takes its time: two incarnations never see the same millisecond.
    if (ground.timeline.now === this.#diedAt) await ground.sleep(life, 1);
    const alarm = new ObjectAlarm(this.#clock.storageFor(life));
    const pendingAlarm = await this.#clock.storageFor(life).getAlarm();
    await alarm.load();
    return this.#open({
      life,
      sql: this.#guarded(life, true),
      migrationSql: this.#guarded(life, false),
      alarm,
      pendingAlarm,
      defer: (run, milliseconds = 0) => ground.later(life, milliseconds, `${this.name} goes on`, run),
      background: (work) => {
        work.catch((thrown) => ground.timeline.note(`${this.name} background work failed: ${String(thrown)}`));
      },
      eraseStorage: () => {
        this.#db.close();
        this.#db = new DatabaseSync(":memory:");
        this.#sql = nodeSql(this.#db);
        this.#clock.erase();
      },
    });
  }

  #guarded(life: Life, faulty: boolean): Sql {
    const { random } = this.#ground;
    return {
      exec: (statement, ...bindings) => {
        if (!life.alive) throw new Dead(this.name);
        if (faulty && WRITES.test(statement) && random.chance(this.#ground.faults.storage)) {
          this.#ground.timeline.note(`${this.name} storage fails: ${statement.trim().slice(0, 40)}`);
          throw new Error("storage failed");
        }
        return this.#sql.exec(statement, ...bindings);
      },
      transaction: (run) => {
        if (!life.alive) throw new Dead(this.name);
        return this.#sql.transaction(run);
      },
    };
  }

  #ring(): { readonly life: Life; readonly done: Promise<void> } {
    const { life, ready } = this.#awaken();
    return { life, done: ready.then((incarnation) => incarnation.onAlarm()) };
  }
}
