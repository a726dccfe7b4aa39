import { Gateway, type GatewayOptions } from "../support/gateway-process.ts";
import { Random } from "../support/sim/random.ts";
import { Api } from "./api.ts";
import { type Arrival, Endpoint } from "./endpoint.ts";
import { Journal, type SubscriptionRecord } from "./journal.ts";
import type { Manner } from "./manners.ts";
import type { Plan, SubscriptionPlan } from "./plan.ts";
import { Power } from "./power.ts";

/** What a kill waits for: something that subscribers see so many times. */
export interface Trap {
  readonly of: "received" | "ended";
  matches(arrival: Arrival): boolean;
  left: number;
  readonly note: string;
}

/** A run while it goes on: the gateway, its subscribers, and all that was seen of them. */
export class Stage {
  readonly plan: Plan;
  readonly journal: Journal;
  readonly gateway: Gateway;
  readonly power: Power;
  readonly apis: ReadonlyMap<string, Api>;
  readonly endpoints = new Map<string, Endpoint>();
  /** The living subscription of each name; a name that was deleted has none until it is created again. */
  readonly current = new Map<string, SubscriptionRecord>();
  /** From now on everybody is healthy. */
  healed = false;
  /** Endpoints that hang on every request. */
  readonly hanging = new Set<string>();
  trap: Trap | null = null;
  readonly #locks = new Map<string, Promise<void>>();
  #endpoints = 0;
  #closed = false;

  private constructor(plan: Plan, gateway: Gateway, journal: Journal) {
    this.plan = plan;
    this.gateway = gateway;
    this.journal = journal;
    this.power = new Power(gateway, journal);
    const at = { origin: gateway.origin, key: gateway.rootKey };
    this.apis = new Map(plan.tenants.map((tenant) => [tenant, new Api(at, tenant, journal)]));
    journal.neverShown.add(gateway.rootKey);
    journal.neverShown.add(gateway.encryptionKey);
  }

  static async open(plan: Plan, options: GatewayOptions): Promise<Stage> {
    const journal = new Journal();
    const waiting: { power: Power | null } = { power: null };
    const startedAt = performance.now();
    const gateway = await Gateway.start({
      ...options,
      onLine: (line, count) => {
        journal.logLines.push(line);
        waiting.power?.heardLine(count);
      },
    });
    const stage = new Stage(plan, gateway, journal);
    waiting.power = stage.power;
    stage.power.firstStart = performance.now() - startedAt;
    return stage;
  }

  api(tenant: string): Api {
    const api = this.apis.get(tenant);
    if (api === undefined) throw new Error(`there is no tenant ${tenant}`);
    return api;
  }

  async endpoint(plan: SubscriptionPlan): Promise<Endpoint> {
    if (this.#closed) throw new Error("the run is over: nobody subscribes any more");
    this.#endpoints += 1;
    const name = `${plan.name}.${this.#endpoints}`;
    const endpoint = await Endpoint.open(name, (arrival) => this.#manner(plan, arrival), this.#watcher);
    this.endpoints.set(name, endpoint);
    return endpoint;
  }

  /** One thing at a time is done to a subscription. */
  async locked(name: string, run: () => Promise<void>): Promise<void> {
    const before = this.#locks.get(name) ?? Promise.resolve();
    const mine = before.then(run);
    this.#locks.set(
      name,
      mine.catch(() => undefined),
    );
    await mine;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.gateway.stop();
    await Promise.all([...this.endpoints.values()].map((endpoint) => endpoint.close()));
  }

  readonly #watcher = {
    received: (arrival: Arrival) => {
      this.journal.arrivals.push(arrival);
      this.#spring("received", arrival);
    },
    ended: (arrival: Arrival) => this.#spring("ended", arrival),
  };

  #spring(of: Trap["of"], arrival: Arrival): void {
    const { trap } = this;
    if (trap === null || trap.of !== of || !trap.matches(arrival)) return;
    trap.left -= 1;
    if (trap.left > 0) return;
    this.trap = null;
    this.power.strike(trap.note);
  }

  #manner({ name, behaviour }: SubscriptionPlan, { endpoint, headers }: Omit<Arrival, "manner">): Manner {
    if (this.healed) return "ok";
    if (this.hanging.has(endpoint)) return "hang";
    const event = headers.get("sluice-offset") ?? headers.get("webhook-id") ?? "";
    const attempt = Number(headers.get("sluice-attempt") ?? 1);
    const ofEvent = new Random(hash(`${this.plan.seed}/${name}/${event}`));
    const failures = !ofEvent.chance(behaviour.failing)
      ? 0
      : ofEvent.chance(behaviour.hopeless)
        ? Number.POSITIVE_INFINITY
        : ofEvent.between(1, behaviour.failuresMax);
    const ofAttempt = new Random(hash(`${this.plan.seed}/${name}/${event}/${attempt}`));
    if (attempt > failures) return ofAttempt.pick(behaviour.good) ?? "ok";
    return ofAttempt.chance(behaviour.gone) ? "410" : (ofAttempt.pick(behaviour.bad) ?? "500");
  }
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 16_777_619);
  return value;
}
