import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Bug } from "./bug.ts";
import { CHECKERS } from "./checkers.ts";
import { dumpOf } from "./dump.ts";
import type { Evidence } from "./evidence.ts";
import { faultsOf, NO_FAULTS, type Weather } from "./faults.ts";
import { archive, gather, readDeliveries } from "./gather.ts";
import { Manager, TENANT, TOPIC } from "./manager.ts";
import { Publisher } from "./publisher.ts";
import { MANNERS } from "./subscribers.ts";
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
const SUBSCRIPTIONS_MAX = 3;

const SETTLED: ReadonlySet<string> = new Set(["delivered", "dead", "cancelled"]);

class NotQuiet extends Error {}

/** Runs the schedule of a seed, to its end and judgement. */
export async function runSchedule(seed: number, bug: Bug = {}): Promise<Outcome> {
  const world = new World(seed, bug);
  const schedule = new Schedule(world);
  const violations: string[] = [];
  const checks = new Map<string, number>();
  try {
    const evidence = await schedule.run();
    violations.push(...world.journal.violations);
    for (const checker of CHECKERS) {
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
  #operations: number;
  #underWay = 0;

  constructor(world: World) {
    const { random } = world.ground;
    this.#world = world;
    this.#publisher = new Publisher(world, LOG);
    this.#manager = new Manager(world);
    this.weather = random.pick(WEATHERS) ?? "calm";
    this.#operations = random.between(20, 80);
  }

  /** Where lateness is judged, no time passes by itself. */
  get #keepsTime(): boolean {
    return this.weather === "calm" || this.weather === "lossy-queue";
  }

  async run(): Promise<Evidence> {
    const { ground } = this.#world;
    await this.#drive(this.#createTopic());
    ground.faults = faultsOf(this.weather, ground.random);
    await this.#drive(this.#manager.subscribe());
    this.#operateSoon();
    while (this.#operations > 0 || this.#underWay > 0) await this.#step();
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
    const made = await log.create({ description: "", retentionDays, retentionBytes: null });
    if (!made.ok) throw new Error(made.error.code);
  }

  #operateSoon(): void {
    const { timeline, random } = this.#world.ground;
    const pause = random.pick([0, 1, random.between(0, 20), random.between(0, 300), random.between(0, 4000)]);
    timeline.after(pause, "an operation", () => {
      this.#operations -= 1;
      this.#underWay += 1;
      void this.#operate().finally(() => {
        this.#underWay -= 1;
      });
      if (this.#operations > 0) this.#operateSoon();
    });
  }

  async #operate(): Promise<void> {
    const { subscribers, ground, journal } = this.#world;
    const { random, timeline } = ground;
    const dice = random.between(1, 100);
    if (dice <= 50) return this.#publisher.publish();
    if (dice <= 58) return this.#publisher.repost();
    if (dice <= 60) return this.#publisher.conflict();
    if (dice <= 67) {
      if (journal.subscriptions.size < SUBSCRIPTIONS_MAX) return this.#manager.subscribe();
      return this.#publisher.publish();
    }
    if (dice <= 71) return this.#manager.patch();
    if (dice <= 75) return this.#manager.pause();
    if (dice <= 81) return this.#manager.resume();
    if (dice <= 82) return this.#manager.remove();
    if (dice <= 88) return this.#manager.handle();
    if (dice <= 91) return this.#manager.list();
    if (dice <= 98) {
      const id = random.pick([...subscribers.manners.keys()]);
      if (id !== undefined) subscribers.manners.set(id, random.pick(MANNERS) ?? "ok");
      return;
    }
    if (this.#keepsTime) return;
    await archive(this.#world, LOG);
    timeline.jump(random.pick([1000, 60_000, 3_600_000, 90_000_000]));
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
    await this.#drive(this.#nothingWaits());
    await this.#drive(this.#publisher.settleUnknown());
    await this.#quiet();
    for (let rounds = 0; rounds < 4; rounds++) {
      await this.#drive(this.#settleByHand());
      await this.#quiet();
    }
    // A wake that was lost before shows now: nobody but the log knows of these.
    for (let i = 0; i < 3; i++) {
      await this.#drive(this.#publisher.publish());
      await this.#quiet();
    }
    await this.#drive(this.#settleByHand());
    await this.#quiet();
    // Memory proves nothing: what is judged is what a restart finds.
    if (ground.random.chance(0.7)) ground.crash();
  }

  /** What can go on by itself has done so, before anybody knocks again: no lost wake, no forgotten retry. */
  async #nothingWaits(): Promise<void> {
    const { violations } = this.#world.journal;
    for (const record of this.#manager.records) {
      const { id } = record.config;
      const view = await this.#manager.rpc(id).view();
      if (!view.ok || view.value.state !== "active" || view.value.lag === 0) continue;
      const deliveries = await readDeliveries(this.#manager, record, 100);
      // Exhausted with hold-key: what stands behind it waits for a person.
      if (deliveries.some(({ state }) => state === "held")) continue;
      const states = deliveries
        .filter(({ state }) => !SETTLED.has(state))
        .map(({ offset, state }) => `${offset} ${state}`);
      violations.push(`5 conservation: ${id} has lag ${view.value.lag} and nothing that goes on: ${states}`);
    }
  }

  async #settleByHand(): Promise<void> {
    const manager = this.#manager;
    for (const record of manager.records) {
      const view = await manager.rpc(record.config.id).view();
      if (!view.ok) continue;
      if (view.value.state !== "active") await manager.resume(record);
      if (view.value.lag === 0) continue;
      for (const delivery of await readDeliveries(manager, record, 100)) {
        if (delivery.state !== "held") continue;
        // Where nothing helps, a retry would only be held again.
        const hopeless = this.#world.subscribers.incurable.has(record.config.id);
        await manager.act(record, delivery, hopeless ? "cancel" : this.#world.ground.random.pick(["retry", "cancel"]));
      }
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
