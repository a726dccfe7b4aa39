import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Bug } from "./bug.ts";
import { CHECKERS } from "./checkers.ts";
import { dumpOf } from "./dump.ts";
import type { Checker, Evidence } from "./evidence.ts";
import { faultsOf, NO_FAULTS, type Weather } from "./faults.ts";
import { gather } from "./gather.ts";
import { nothingWaits, settleByHand } from "./healing.ts";
import { Manager, TENANT, TOPIC } from "./manager.ts";
import { Operations } from "./operations.ts";
import { Publisher } from "./publisher.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  readonly weather: Weather;
  readonly steps: number;
  /** `invariant: what is wrong`; empty when all holds. */
  readonly violations: readonly string[];
  /** Checks made, by invariant. */
  readonly checks: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
  /** What every subscription had stored when a violation was found. */
  readonly dump: readonly string[];
}

const LOG = `log:${TENANT}/${TOPIC}/0`;
const WEATHERS: readonly Weather[] = [
  "calm",
  "lossy-queue",
  "restarts",
  "restarts",
  "network",
  "storage",
  "storm",
  "storm",
];
/** Nothing but retention lies further ahead. */
const QUIET_MS = 2 * 3_600_000;
const STEPS_MAX = 60_000;
const ROUNDS_MAX = 50;

class NotQuiet extends Error {}

export interface ScheduleOptions {
  readonly bug?: Bug;
  /** With seeks and redrives, and who judges a schedule that has them: most checkers do not allow for history that comes again. */
  readonly replay?: readonly Checker[];
}

/** Runs the schedule of a seed, to its end and judgement. */
export async function runSchedule(seed: number, { bug = {}, replay }: ScheduleOptions = {}): Promise<Outcome> {
  const world = new World(seed, bug);
  const schedule = new Schedule(world, replay !== undefined);
  const violations: string[] = [];
  const checks = new Map<string, number>();
  try {
    const evidence = await schedule.run();
    violations.push(...world.journal.violations);
    for (const checker of replay ?? CHECKERS) {
      const made = checker.check(evidence, (what) => violations.push(`${checker.invariant}: ${what}`));
      checks.set(checker.invariant, made);
    }
  } catch (thrown) {
    violations.push(...world.journal.violations);
    const what =
      thrown instanceof NotQuiet
        ? `quiet: ${thrown.message}`
        : `thrown: ${String(thrown instanceof Error ? thrown.stack : thrown)}`;
    violations.push(what);
  }
  const dump = violations.length === 0 ? [] : dumpOf(world);
  world.close();
  const { step, trace } = world.ground.timeline;
  return { seed, weather: schedule.weather, steps: step, violations, checks, trace, dump };
}

class Schedule {
  readonly weather: Weather;
  readonly #world: World;
  readonly #publisher: Publisher;
  readonly #manager: Manager;
  readonly #operations: Operations;

  constructor(world: World, replay: boolean) {
    const { random } = world.ground;
    this.#world = world;
    this.weather = random.pick(WEATHERS) ?? "calm";
    // Where lateness is judged, no time passes by itself, and often nobody disturbs anything.
    const timed = this.weather === "calm" || this.weather === "lossy-queue";
    const gentle = timed && random.chance(0.6);
    this.#publisher = new Publisher(world, LOG);
    this.#manager = new Manager(world, { gentle, replay });
    const parts = { publisher: this.#publisher, manager: this.#manager, logName: LOG };
    this.#operations = new Operations(world, parts, { timed, gentle, replay });
  }

  async run(): Promise<Evidence> {
    const { ground } = this.#world;
    await this.#drive(this.#createTopic());
    ground.faults = faultsOf(this.weather, ground.random);
    await this.#drive(this.#manager.subscribe());
    this.#operations.begin(ground.random.between(20, 80));
    while (!this.#operations.over) await this.#step();
    // What is under way goes on in the same weather for a while.
    const until = ground.timeline.now + ground.random.between(0, 10_000);
    while ((ground.timeline.nextAt ?? until) < until) await this.#step();
    await this.#lastNews();
    await this.#heal();
    return this.#drive(gather(this.#world, this.#manager, LOG, this.weather));
  }

  async #createTopic(): Promise<void> {
    const log = this.#world.stub<TopicLogRpc>(this.#world.outside, LOG);
    // A day is over with one leap of time: then retention drops what nobody has had yet.
    const retentionDays = this.#world.ground.random.pick([1, 30]);
    const made = await log.create({ description: "", retentionDays, retentionBytes: null, types: {} });
    if (!made.ok) throw new Error(made.error.code);
  }

  /** The last event before the silence: whatever forgets it now, no later event will bring it up again. */
  async #lastNews(): Promise<void> {
    const { ground, objects } = this.#world;
    const { random } = ground;
    const posted = this.#publisher.publish();
    for (let steps = random.between(0, 12); steps > 0 && this.#busy; steps--) await this.#step();
    if (ground.faults.restart > 0) {
      if (random.chance(0.5)) ground.crash();
      else random.pick(objects)?.restart("the object was reset");
    }
    await this.#drive(posted);
  }

  /** Faults end, subscribers recover, everything stopped goes on; what only a person can settle is settled. */
  async #heal(): Promise<void> {
    const { ground, subscribers } = this.#world;
    ground.timeline.note("---- healing");
    ground.faults = NO_FAULTS;
    subscribers.heal();
    await this.#quiet();
    await this.#drive(nothingWaits(this.#world, this.#manager));
    await this.#drive(this.#publisher.settleUnknown());
    await this.#settleAll();
    // A wake that was lost before shows now: nobody but the log knows of these.
    for (let i = 0; i < 3; i++) {
      await this.#drive(this.#publisher.publish());
      await this.#quiet();
    }
    await this.#settleAll();
    // Memory proves nothing: what is judged is what a restart finds.
    if (ground.random.chance(0.7)) ground.crash();
  }

  /** One by one: what is held may be held again, or come to its turn only when another is out of its way. */
  async #settleAll(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds++) {
      await this.#quiet();
      if (!(await this.#drive(settleByHand(this.#world, this.#manager)))) return;
    }
  }

  get #busy(): boolean {
    const { nextAt, now } = this.#world.ground.timeline;
    return nextAt !== null && nextAt < now + QUIET_MS;
  }

  async #step(): Promise<void> {
    if (!this.#busy) throw new NotQuiet("an answer never comes");
    await this.#world.ground.timeline.advance();
    if (this.#world.ground.timeline.step > STEPS_MAX) throw new NotQuiet(`${STEPS_MAX} steps are not enough`);
    this.#world.weather();
  }

  async #drive<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    work.then(end, end);
    // A step of no length lets what is done already be seen as such.
    await Promise.resolve();
    while (!over) await this.#step();
    return work;
  }

  async #quiet(): Promise<void> {
    const { timeline } = this.#world.ground;
    const began = timeline.step;
    while (this.#busy) {
      await this.#step();
      if (timeline.step - began > STEPS_MAX / 4) throw new NotQuiet(`still busy after ${timeline.step - began} steps`);
    }
  }
}
