import { Random } from "../support/sim/random.ts";
import type { Filter } from "./journal.ts";
import type { Manner } from "./manners.ts";
import { subscriptionsOf } from "./plan-subscriptions.ts";

/**
 * Moments keyed to counts: each says what has to have happened so many times when the power goes. Of the Crash group of bad
 * inputs these are C01, C08 (`answer-written`), C09 (`backoff`), C12 (`starting`, `twice`).
 */
export const KILL_KINDS = [
  "half-request",
  "request-received",
  "after-pause",
  "unanswered",
  "backoff",
  "redrive",
  "answer-written",
  "starting",
  "after-delete",
  "twice",
] as const;
export type KillKind = (typeof KILL_KINDS)[number];

export interface Kill {
  /** Set up when this many operations were begun. */
  readonly atOperation: number;
  readonly kind: KillKind;
  /** Of what the kind counts. */
  readonly count: number;
}

/** How a subscriber behaves; which event gets what is drawn from the seed, its name, the offset and the attempt. */
export interface Behaviour {
  /** Share of events that fail at first, how often at most, and share of those that never stop failing. */
  readonly failing: number;
  readonly failuresMax: number;
  readonly hopeless: number;
  /** Chance of a 410 in place of another failure. */
  readonly gone: number;
  readonly bad: readonly Manner[];
  readonly good: readonly Manner[];
}

export interface SubscriptionPlan {
  readonly name: string;
  readonly tenant: string;
  readonly topic: string;
  readonly ordering: "key" | "topic" | "none";
  readonly format: "standard" | "raw";
  readonly filter: Filter;
  readonly start: "latest" | "earliest";
  readonly scheduleSeconds: readonly number[];
  readonly holdAfterFailures: number | null;
  readonly concurrency: number;
  readonly batch: { readonly maxEvents: number; readonly maxWaitMilliseconds: number } | null;
  readonly rateLimit: { readonly perSecond: number } | null;
  readonly behaviour: Behaviour;
  /** Whether operations may pause, delete, patch and seek it; a kill that needs it finds it as it was. */
  readonly managed: boolean;
}

export type Operation =
  | {
      readonly do: "post";
      readonly tenant: string;
      readonly topic: string;
      readonly types: readonly string[];
      readonly keys: readonly (string | null)[];
      readonly batch: boolean;
      readonly idempotency: "none" | "request" | "events";
      readonly padding: number;
    }
  | { readonly do: "repeat" | "conflict"; readonly choice: number }
  | { readonly do: "bad"; readonly choice: number; readonly tenant: string; readonly topic: string }
  | {
      readonly do:
        | "pause"
        | "resume"
        | "delete"
        | "patch"
        | "rotate"
        | "seek"
        | "redrive"
        | "retry"
        | "cancel"
        | "test";
      readonly on: string;
      readonly choice: number;
    };

export interface Plan {
  readonly seed: number;
  readonly tenants: readonly string[];
  readonly subscriptions: readonly SubscriptionPlan[];
  readonly operations: readonly Operation[];
  readonly kills: readonly Kill[];
  readonly isolation: { readonly hanging: number; readonly posts: number };
}

export interface PlanOptions {
  readonly seed: number;
  readonly ops: number;
  readonly kills: number;
}

export const TENANTS = ["acme", "globex"] as const;
export const TOPIC = "orders";
export const SIDE_TOPIC = "audit";
export const ISOLATION_TOPIC = "isolation";
const TYPES = ["order.created", "order.paid", "stock.low"] as const;
const KEYS = ["k1", "k2", "käse/3", "k4", "k5"] as const;
const PADDING_MAX = 400;
const BATCH_MAX = 8;
/** From this many operations on it is a full run: more subscribers, more of them hanging. */
const FULL_OPERATIONS = 300;

/** Everything that a run will do, and when the power goes: from the seed alone. */
export function makePlan({ seed, ops, kills }: PlanOptions): Plan {
  const random = new Random(seed);
  const full = ops >= FULL_OPERATIONS;
  const isolation = full ? { hanging: 9, posts: 30 } : { hanging: 3, posts: 10 };
  const subscriptions = subscriptionsOf({ full, hanging: isolation.hanging });
  const managed = subscriptions.filter((one) => one.managed).map(({ name }) => name);
  return {
    seed,
    tenants: TENANTS,
    subscriptions,
    operations: Array.from({ length: ops }, () => operation(random, managed, full)),
    kills: killsOf(random, { seed, ops, kills }),
    isolation,
  };
}

function killsOf(random: Random, { seed, ops, kills }: PlanOptions): Kill[] {
  const first = seed * kills;
  return Array.from({ length: kills }, (_, index) => ({
    atOperation: Math.floor(((index + 0.3 + 0.6 * random.next()) / kills) * ops),
    kind: KILL_KINDS[(first + index) % KILL_KINDS.length] ?? "unanswered",
    count: random.between(1, 4),
  }));
}

function operation(random: Random, managed: readonly string[], full: boolean): Operation {
  const tenant = random.chance(0.75) ? TENANTS[0] : TENANTS[1];
  const topic = tenant === TENANTS[0] && random.chance(0.15) ? SIDE_TOPIC : TOPIC;
  const dice = random.next();
  const choice = random.next();
  if (dice < 0.66) return post(random, tenant, topic);
  if (dice < 0.72) return { do: "repeat", choice };
  if (dice < 0.75) return { do: "conflict", choice };
  if (dice < 0.8) return { do: "bad", choice, tenant, topic };
  const on = random.pick(managed) ?? "";
  // What stops a subscription is followed by what starts it again more often than not.
  const acts = ["pause", "resume", "resume", "patch", "rotate", "seek", "redrive", "retry", "retry", "cancel"] as const;
  if (full ? dice > 0.99 : dice > 0.98) return { do: "delete", on, choice };
  return { do: random.chance(0.08) ? "test" : random.pick(acts), on, choice };
}

function post(random: Random, tenant: string, topic: string): Operation {
  const batch = random.chance(0.15);
  const count = batch ? random.between(1, BATCH_MAX) : 1;
  return {
    do: "post",
    tenant,
    topic,
    types: Array.from({ length: count }, () => random.pick(TYPES)),
    keys: Array.from({ length: count }, () => (random.chance(0.3) ? null : random.pick(KEYS))),
    batch,
    idempotency: random.chance(0.4) ? "request" : random.chance(0.25) ? "events" : "none",
    padding: random.between(0, PADDING_MAX),
  };
}
