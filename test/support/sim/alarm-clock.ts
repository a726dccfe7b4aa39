import type { Ground } from "./ground.ts";
import type { Life } from "./life.ts";
import type { Happening } from "./timeline.ts";

const LATE_MAX_MS = 3000;
const AGAIN_MAX_MS = 2000;

/**
 * The alarm of an object as the platform keeps it: stored, one at a time, null while its handler runs, at least once:
 * it comes again when the object dies in the handler (unless the handler had set another) and sometimes without any
 * reason. It is never early, and may be late.
 */
export class AlarmClock {
  readonly #ground: Ground;
  readonly #name: string;
  readonly #ring: () => { readonly life: Life; readonly done: Promise<void> };
  #pending: number | null = null;
  #scheduled: Happening | null = null;
  #running = false;

  constructor(ground: Ground, name: string, ring: () => { readonly life: Life; readonly done: Promise<void> }) {
    this.#ground = ground;
    this.#name = name;
    this.#ring = ring;
  }

  get pending(): number | null {
    return this.#pending;
  }

  /** The part of an object's storage that is about alarms, for one incarnation. */
  storageFor(life: Life): Pick<DurableObjectStorage, "getAlarm" | "setAlarm"> {
    return {
      getAlarm: async () => this.#pending,
      setAlarm: async (at) => {
        if (life.alive) this.#set(Number(at));
      },
    };
  }

  erase(): void {
    this.#pending = null;
    this.#scheduled = cancelled(this.#scheduled);
  }

  #set(at: number): void {
    this.#pending = at;
    if (!this.#running) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = cancelled(this.#scheduled);
    if (this.#pending === null) return;
    const { timeline, random, faults } = this.#ground;
    const late = random.chance(faults.alarmLate) ? random.between(0, LATE_MAX_MS) : random.between(0, 2);
    const at = Math.max(this.#pending, timeline.now) + late;
    this.#scheduled = timeline.at(at, `${this.#name} alarm`, () => this.#fire());
  }

  #fire(): void {
    const { random, faults } = this.#ground;
    const at = this.#pending;
    if (at === null || this.#running) return;
    this.#pending = null;
    this.#running = true;
    const { life, done } = this.#ring();
    let over = false;
    const end = (again: boolean) => {
      if (over) return;
      over = true;
      this.#running = false;
      if (again && this.#pending === null) this.#pending = this.#ground.timeline.now + random.between(0, AGAIN_MAX_MS);
      this.#schedule();
    };
    life.onDeath(() => end(true));
    done.then(
      () => end(random.chance(faults.alarmRepeats)),
      () => end(true),
    );
  }
}

function cancelled(happening: Happening | null): null {
  if (happening !== null) happening.cancelled = true;
  return null;
}
