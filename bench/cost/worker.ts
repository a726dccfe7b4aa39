// The gateway, with what it does counted at its edges. Only the bench runs this; there is no switch in the gateway.
import type { Meter } from "../../src/storage/meter.ts";
import gateway, * as objects from "../../src/worker.ts";
import type { Tally } from "./counts.ts";

export { Deliverer } from "../../src/worker.ts";

/** By tenant, so that many measurements can run side by side. */
class Ledger {
  workerRequests = 0;
  objectCalls = 0;
  queueOperations = 0;
  activeMilliseconds = 0;
  readonly meters: { readonly kind: string; readonly meter: Meter }[] = [];

  tally(): Tally {
    const rowsWrittenBy: Record<string, number> = {};
    let rowsRead = 0;
    let rowsWritten = 0;
    for (const { kind, meter } of this.meters) {
      rowsWrittenBy[kind] = (rowsWrittenBy[kind] ?? 0) + meter.rowsWritten;
      rowsWritten += meter.rowsWritten;
      rowsRead += meter.rowsRead;
    }
    const { workerRequests, objectCalls, queueOperations } = this;
    const objectSeconds = this.activeMilliseconds / 1000;
    return { workerRequests, objectCalls, rowsWritten, rowsRead, queueOperations, objectSeconds, rowsWrittenBy };
  }
}

const ledgers = new Map<string, Ledger>();

function ledgerOf(tenant: string): Ledger {
  const known = ledgers.get(tenant) ?? new Ledger();
  ledgers.set(tenant, known);
  return known;
}

/** How long one object had something under way: calls that overlap are billed once. */
class Activity {
  readonly ledger: Ledger;
  #underWay = 0;
  #since = 0;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  during<T>(work: T): T {
    if (this.#underWay === 0) this.#since = Date.now();
    this.#underWay += 1;
    if (work instanceof Promise) void work.then(this.#end, this.#end);
    else this.#end();
    return work;
  }

  readonly #end = (): void => {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.ledger.activeMilliseconds += Date.now() - this.#since;
  };
}

const activities = new WeakMap<object, Activity>();

const tenantOf = (ctx: DurableObjectState): string => (ctx.id.name ?? "").split("/")[0] ?? "";

/** Counts what an object goes on doing behind its answers. */
function watch(object: object, kind: string, { ctx, meter }: { ctx: DurableObjectState; meter: Meter }): void {
  const activity = new Activity(ledgerOf(tenantOf(ctx)));
  activity.ledger.meters.push({ kind, meter });
  activities.set(object, activity);
  const wait = ctx.waitUntil.bind(ctx);
  ctx.waitUntil = (work) => wait(activity.during(work));
}

/** Every call and every run of the alarm is a billed request to the object. */
function countCalls(counting: { prototype: object }, counted: { prototype: object }): void {
  for (const name of Object.getOwnPropertyNames(counted.prototype)) {
    const method: unknown = Object.getOwnPropertyDescriptor(counted.prototype, name)?.value;
    if (name === "constructor" || typeof method !== "function") continue;
    Object.defineProperty(counting.prototype, name, {
      value(this: object, ...args: unknown[]): unknown {
        const activity = activities.get(this);
        if (activity === undefined) return method.apply(this, args);
        activity.ledger.objectCalls += 1;
        return activity.during(method.apply(this, args));
      },
    });
  }
}

export class TopicLog extends objects.TopicLog {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
    watch(this, "TopicLog", { ctx, meter: this.meter });
  }
}
countCalls(TopicLog, objects.TopicLog);

export class Subscription extends objects.Subscription {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
    watch(this, "Subscription", { ctx, meter: this.meter });
  }
}
countCalls(Subscription, objects.Subscription);

/** Has no part in an event's road: only its calls and its time are counted. */
export class Directory extends objects.Directory {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
    watch(this, "Directory", { ctx, meter: { rowsWritten: 0, rowsRead: 0 } });
  }
}
countCalls(Directory, objects.Directory);

let known: { readonly env: Env; readonly counted: Env } | null = null;

/** The bindings, with the queues' sends counted; the same object for the same bindings. */
function counted(env: Env): Env {
  if (known?.env === env) return known.counted;
  const counting = { ...env, RETRIES: countedQueue(env.RETRIES), DEAD_LETTERS: countedQueue(env.DEAD_LETTERS) };
  known = { env, counted: counting };
  return counting;
}

/** A message names its subscription, `<tenant>/<id>`; a dead letter's tenant is not measured. */
const tenantOfMessage = (body: unknown): string => {
  if (typeof body !== "object" || body === null || !("subscription" in body)) return "";
  return String(body.subscription).split("/")[0] ?? "";
};

function countedQueue<T>(queue: Queue<T>): Queue<T> {
  return {
    metrics: () => queue.metrics(),
    sendBatch: (messages, options) => queue.sendBatch(messages, options),
    send: (body, options) => {
      ledgerOf(tenantOfMessage(body)).queueOperations += 1;
      return queue.send(body, options);
    },
  };
}

export default {
  fetch: (request, env, ctx) => {
    const { pathname } = new URL(request.url);
    const tenant = request.headers.get("sluice-tenant") ?? "default";
    if (pathname === "/bench/tally") return Response.json(ledgerOf(tenant).tally());
    ledgerOf(tenant).workerRequests += 1;
    return gateway.fetch(request, env, ctx);
  },
  queue: (batch, env) => {
    const tenants = batch.messages.map(({ body }) => tenantOfMessage(body));
    // Read and deleted. One invocation for the batch: billed to the first of it.
    for (const tenant of tenants) ledgerOf(tenant).queueOperations += 2;
    ledgerOf(tenants[0] ?? "").workerRequests += 1;
    return gateway.queue(batch, env);
  },
} satisfies ExportedHandler<Env>;
