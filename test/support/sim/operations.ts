import { archive } from "./gather.ts";
import type { Manager } from "./manager.ts";
import type { Publisher } from "./publisher.ts";
import { GENTLE_MANNERS, MANNERS } from "./subscribers.ts";
import type { World } from "./world.ts";

const SUBSCRIPTIONS_MAX = 3;
/** Where there are any, the share of all operations. */
const REPLAYS = 0.15;
/** What a suspended machine, an hour's outage, or more than a day and any idempotency window make of time. */
const LEAPS_MS: readonly [number, ...number[]] = [1000, 60_000, 3_600_000, 90_000_000];

/** What people and producers do, by chance: many of it at once, some after seconds of nothing. */
export class Operations {
  readonly #world: World;
  readonly #publisher: Publisher;
  readonly #manager: Manager;
  readonly #logName: string;
  readonly #timed: boolean;
  readonly #gentle: boolean;
  readonly #replay: boolean;
  #left = 0;
  #underWay = 0;

  /**
   * `timed`: time never leaps. `gentle`: nobody stops or changes anything, and subscribers always answer. `replay`: history
   * is brought again as well, by seeks and redrives.
   */
  constructor(
    world: World,
    parts: { publisher: Publisher; manager: Manager; logName: string },
    { timed, gentle, replay }: { timed: boolean; gentle: boolean; replay: boolean },
  ) {
    this.#world = world;
    this.#publisher = parts.publisher;
    this.#manager = parts.manager;
    this.#logName = parts.logName;
    this.#timed = timed;
    this.#gentle = gentle;
    this.#replay = replay;
  }

  get over(): boolean {
    return this.#left === 0 && this.#underWay === 0;
  }

  begin(count: number): void {
    this.#left = count;
    this.#soon();
  }

  #soon(): void {
    const { timeline, random } = this.#world.ground;
    // Where nobody disturbs it is often quiet for long: then nothing but its own timers gets a retry going.
    const long = random.between(0, this.#gentle ? 40_000 : 4000);
    const pause = random.pick([0, 1, random.between(0, 20), random.between(0, 300), long]);
    timeline.after(pause, "an operation", () => {
      this.#left -= 1;
      this.#underWay += 1;
      void this.#operate().finally(() => {
        this.#underWay -= 1;
      });
      if (this.#left > 0) this.#soon();
    });
  }

  #operate(): Promise<void> {
    if (this.#replay && this.#world.ground.random.chance(REPLAYS)) return this.#manager.replay();
    const dice = this.#world.ground.random.between(1, 100);
    if (dice <= 50) return this.#publisher.publish();
    if (dice <= 58) return this.#publisher.repost();
    if (dice <= 60) return this.#publisher.conflict();
    if (dice <= 67) return this.#subscribe();
    if (dice <= 74) return this.#changeManner();
    if (dice <= 78) return this.#manager.list();
    return this.#gentle ? this.#publisher.publish() : this.#disturb(dice);
  }

  #disturb(dice: number): Promise<void> {
    const manager = this.#manager;
    if (dice <= 82) return manager.patch();
    if (dice <= 87) return this.#pause();
    if (dice <= 92) return manager.resume();
    if (dice <= 93) return manager.remove();
    if (dice <= 98) return manager.handle();
    return this.#timed ? manager.handle() : this.#leap();
  }

  #subscribe(): Promise<void> {
    const full = this.#world.journal.subscriptions.size >= SUBSCRIPTIONS_MAX;
    return full ? this.#publisher.publish() : this.#manager.subscribe();
  }

  /** Now and then in the moment in which something was posted: what is leased by then is what the barrier is about. */
  async #pause(): Promise<void> {
    const { ground, outside } = this.#world;
    if (ground.random.chance(0.5)) {
      void this.#publisher.publish();
      await ground.sleep(outside, ground.random.between(0, 12));
    }
    await this.#manager.pause();
  }

  async #changeManner(): Promise<void> {
    const { subscribers, ground } = this.#world;
    const id = ground.random.pick([...subscribers.manners.keys()]);
    const manners = this.#gentle ? GENTLE_MANNERS : MANNERS;
    if (id !== undefined) subscribers.manners.set(id, ground.random.pick(manners));
  }

  async #leap(): Promise<void> {
    archive(this.#world, this.#logName);
    this.#world.ground.timeline.jump(this.#world.ground.random.pick(LEAPS_MS));
  }
}
