import { consumeDeadLetters } from "../../../src/dead-letters/consumer.ts";
import { consumeRetries } from "../../../src/delivery/retry-consumer.ts";
import type { Bug } from "./bug.ts";
import { Deliverers } from "./deliverers.ts";
import { openDirectory } from "./directory-object.ts";
import { Ground } from "./ground.ts";
import { Journal } from "./journal.ts";
import { Life } from "./life.ts";
import { openLog } from "./log-object.ts";
import { stub } from "./network.ts";
import { SimQueue } from "./queue.ts";
import { Random } from "./random.ts";
import { SimObject, type Surroundings } from "./sim-object.ts";
import { Subscribers } from "./subscribers.ts";
import { openSubscription } from "./subscription-object.ts";
import { Timeline } from "./timeline.ts";

const START_AT = Date.UTC(2026, 0, 1);

/** The gateway, its queues and its subscribers, on a virtual platform, driven by one seed. */
export class World {
  readonly ground: Ground;
  readonly journal = new Journal();
  readonly subscribers: Subscribers;
  readonly deliverers: Deliverers;
  readonly retries: SimQueue;
  readonly deadLetters: SimQueue;
  readonly bug: Bug;
  /** Whoever calls from outside: it never dies. */
  readonly outside = new Life("client");
  readonly #objects = new Map<string, SimObject>();

  constructor(seed: number, bug: Bug) {
    const random = new Random(seed);
    this.bug = bug;
    this.ground = new Ground(new Timeline(START_AT, random), random);
    this.subscribers = new Subscribers(this.ground, this.journal);
    this.deliverers = new Deliverers(this);
    const dead = { maxBatchSize: 100, maxRetries: 10, retryDelaySeconds: 5, deadLetterQueue: null };
    this.deadLetters = new SimQueue(this.ground, "dead-letters", dead, (batch, life) =>
      consumeDeadLetters(batch, this.#env(life)),
    );
    const retries = { maxBatchSize: 100, maxRetries: 3, retryDelaySeconds: 1, deadLetterQueue: this.deadLetters };
    this.retries = new SimQueue(this.ground, "retries", retries, (batch, life) =>
      consumeRetries(batch, this.#env(life)),
    );
  }

  /** `log:<tenant>/<topic>/0`, `sub:<tenant>/<id>` or `dir:<tenant>`. */
  object(name: string): SimObject {
    const known = this.#objects.get(name);
    if (known !== undefined) return known;
    const made = new SimObject(this.ground, name, (around) => this.#open(name, around));
    this.#objects.set(name, made);
    return made;
  }

  get objects(): readonly SimObject[] {
    return [...this.#objects.values()];
  }

  stub<T extends object>(caller: Life, name: string): T {
    return stub<T>(this.ground, caller, this.object(name));
  }

  /** Between two steps: what the weather does to objects and deliverers. */
  weather(): void {
    const { random, faults } = this.ground;
    if (random.chance(faults.crash)) this.ground.crash();
    if (random.chance(faults.delivererKilled)) this.deliverers.killOne();
    if (!random.chance(faults.restart)) return;
    const victim = random.pick(this.objects.filter((one) => one.awake));
    if (victim === undefined) return;
    this.ground.timeline.note(`${victim.name} restarts`);
    victim.restart("the object was reset");
  }

  close(): void {
    for (const object of this.#objects.values()) object.close();
  }

  #open(name: string, around: Surroundings) {
    const [kind = "", path = ""] = name.split(":");
    const [tenant = "", topic = ""] = path.split("/");
    if (kind === "log") return openLog(this, { tenant, topic }, around);
    if (kind === "sub") return openSubscription(this, path, around);
    return openDirectory(this, tenant, around);
  }

  /** The bindings that the queues' consumers use. */
  #env(life: Life): Env {
    const env = {
      SUBSCRIPTION: { getByName: (name: string) => this.stub(life, `sub:${name}`) },
      TOPIC_LOG: { getByName: (name: string) => this.stub(life, `log:${name}`) },
      DIRECTORY: { getByName: (tenant: string) => this.stub(life, `dir:${tenant}`) },
    };
    return env as unknown as Env;
  }
}
