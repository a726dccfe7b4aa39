import { SEND_START_MAX_MS } from "../../../src/core/limits.ts";
import { type WorkDeps, workPart } from "../../../src/delivery/work-part.ts";
import type { Part, SubscriptionRpc } from "../../../src/subscription/rpc.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** The wiring of src/delivery/deliverer.ts: every part is an invocation of its own, which may die at any moment. */
export class Deliverers {
  readonly #world: World;
  readonly #working = new Set<Life>();
  #started = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Resolves when the part was taken over; rejects when the call failed, whether it was or not. */
  start(caller: Life, part: Part): Promise<void> {
    const { ground } = this.#world;
    const { random, faults, process, timeline } = ground;
    const copy = structuredClone(part);
    return new Promise((resolve, reject) => {
      timeline.after(ground.transit(), `deliverer takes part ${part.deliverer} of ${part.subscription}`, () => {
        if (!process.alive) return;
        const lost = random.chance(faults.requestLost);
        if (!lost) this.#run(copy);
        const failed = lost || random.chance(faults.replyLost);
        ground.later(caller, ground.transit(), `deliverer ${failed ? "cannot be reached" : "accepted"}`, () =>
          failed ? reject(new Error("deliverer not reached")) : resolve(),
        );
      });
    });
  }

  killOne(): void {
    const life = this.#world.ground.random.pick([...this.#working]);
    if (life === undefined) return;
    this.#world.ground.timeline.note(`${life.name} is killed`);
    life.die("killed");
  }

  #run(part: Part): void {
    const { ground } = this.#world;
    const life = ground.live(`deliverer-${++this.#started}`);
    this.#working.add(life);
    life.onDeath(() => this.#working.delete(life));
    void workPart(part, this.#deps(life)).then(() => life.die("done"));
  }

  #deps(life: Life): WorkDeps {
    const { ground, journal, subscribers } = this.#world;
    const { timeline, random } = ground;
    return {
      send: (send, part) =>
        new Promise((resolve) => {
          ground.later(life, random.between(0, 2), `${life.name} signs ${send.event.offset}`, () => {
            if (timeline.now > part.leasedAt + SEND_START_MAX_MS) {
              resolve({ lease: send.lease, offset: send.event.offset, attemptId: send.attemptId, kind: "unsent" });
            } else {
              subscribers.request(life, send, part, resolve);
            }
          });
        }),
      report: async (part, report) => {
        const next = await this.#world.stub<SubscriptionRpc>(life, `sub:${part.subscription}`).report(report);
        const moment = { step: timeline.step, at: timeline.now };
        for (const result of report.results) {
          const request = journal.requestsByAttempt.get(result.attemptId);
          if (request !== undefined) request.reported ??= moment;
        }
        return next;
      },
      reportGivenUp: () => timeline.note(`${life.name} gives up reporting`),
      now: () => timeline.now,
      sleep: (milliseconds) => ground.sleep(life, milliseconds),
    };
  }
}
