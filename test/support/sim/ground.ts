import { type Faults, NO_FAULTS, SLOW_CALL_MS } from "./faults.ts";
import { Life } from "./life.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What everything simulated stands on: time, chance, what may go wrong, and the process it all runs in. */
export class Ground {
  readonly timeline: Timeline;
  readonly random: Random;
  faults: Faults = NO_FAULTS;
  /** The process. When it dies, all that runs in it dies too; what is stored and what is outside stays. */
  process = new Life("process");

  constructor(timeline: Timeline, random: Random) {
    this.timeline = timeline;
    this.random = random;
  }

  /** A life inside the process. */
  live(name: string): Life {
    const life = new Life(name);
    const off = this.process.onDeath((reason) => life.die(reason));
    life.onDeath(off);
    return life;
  }

  crash(): void {
    this.timeline.note("the process crashes");
    const old = this.process;
    this.process = new Life("process");
    old.die("the process crashed");
  }

  /** Milliseconds that a call or message takes, one way. */
  transit(): number {
    const { random, faults } = this;
    return random.chance(faults.slowCall) ? random.between(0, SLOW_CALL_MS) : random.between(0, 3);
  }

  /** Runs later, unless `life` has died by then. */
  later(life: Life, milliseconds: number, label: string, run: () => void): void {
    this.timeline.after(milliseconds, label, () => {
      if (life.alive) run();
    });
  }

  sleep(life: Life, milliseconds: number): Promise<void> {
    return new Promise((wake) => this.later(life, milliseconds, `${life.name} wakes up`, wake));
  }
}
