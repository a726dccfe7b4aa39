import type { Manner } from "./manners.ts";
import { type Behaviour, ISOLATION_TOPIC, SIDE_TOPIC, type SubscriptionPlan, TENANTS, TOPIC } from "./plan.ts";

const GOOD: readonly Manner[] = ["ok", "ok", "ok", "ok", "ok", "ok-204", "ok-close", "ok-slow-head", "ok-slow-body"];
const ODD: readonly Manner[] = ["ok-endless-body", "ok-lying-length", "ok-reset-after-head"];
const REFUSALS: readonly Manner[] = ["500", "500", "404", "302", "503-nonsense", "reset-before-head", "garbage"];
const SLOW: readonly Manner[] = ["hang", "endless-head", "reset-in-head"];
const LATER: readonly Manner[] = ["429-retry-after", "503-retry-after"];

const NICE: Behaviour = { failing: 0, failuresMax: 0, hopeless: 0, gone: 0, bad: ["500"], good: ["ok"] };

const QUICK = [0.1, 0.2, 0.4, 3, 3, 3, 3];
/** Types that nobody posts but a kill that needs them. */
export const POISON = "poison.pill";
export const SLOWLY = "slow.event";
export const BACKOFF = "backoff";
export const DOOMED = "doomed";
export const CALM = "calm";
export const MAIN = "keyed";
export const HANGING = "hanging";

const EVERYTHING = { types: [], atLeast: null };

function subscription(name: string, more: Partial<SubscriptionPlan>): SubscriptionPlan {
  return {
    ...{ name, tenant: TENANTS[0], topic: TOPIC, ordering: "key", format: "standard", filter: EVERYTHING },
    ...{ start: "latest", scheduleSeconds: QUICK, holdAfterFailures: null, concurrency: 16, batch: null },
    ...{ rateLimit: null, behaviour: NICE, managed: true },
    ...more,
  };
}

/** Who subscribes: every ordering, filters, two tenants, and every way to misbehave. */
export function subscriptionsOf({ full, hanging }: { full: boolean; hanging: number }): SubscriptionPlan[] {
  const nasty = { failing: 0.25, failuresMax: 3, hopeless: 0, gone: 0.02, bad: [...REFUSALS, ...SLOW, ...LATER] };
  const few = [
    subscription(MAIN, { behaviour: { ...nasty, good: [...GOOD, ...ODD] } }),
    subscription("ordered", {
      ...{ ordering: "topic", filter: { types: ["order.*"], atLeast: null }, concurrency: 4 },
      behaviour: { ...NICE, failing: 0.06, failuresMax: 2, bad: REFUSALS, good: ["ok", "ok", "ok", "ok-204"] },
    }),
    subscription("amounts", {
      ...{ ordering: "none", filter: { types: ["order.paid", "stock.*"], atLeast: 50 }, scheduleSeconds: [0.1, 0.1] },
      behaviour: { ...nasty, failing: 0.5, hopeless: 0.3, bad: [...REFUSALS, "hang", "abort-message"], good: GOOD },
    }),
    subscription("neighbour", { tenant: TENANTS[1], behaviour: { ...nasty, good: GOOD } }),
    subscription(DOOMED, {
      ...{ ordering: "none", filter: { types: ["poison.*"], atLeast: null }, scheduleSeconds: [], managed: false },
      behaviour: { ...NICE, failing: 1, hopeless: 1 },
    }),
    subscription(BACKOFF, {
      ...{ filter: { types: ["slow.*"], atLeast: null }, scheduleSeconds: [0.2, 0.2, 3, 3, 3, 3], managed: false },
      behaviour: { ...NICE, failing: 1, failuresMax: 4 },
    }),
  ];
  const more = [
    subscription("holding", {
      ...{ holdAfterFailures: 3, scheduleSeconds: [0.5, 1], concurrency: 8 },
      behaviour: { ...nasty, failing: 0.5, failuresMax: 4, bad: REFUSALS, good: GOOD },
    }),
    subscription("side", {
      ...{ topic: SIDE_TOPIC, format: "raw", start: "earliest" },
      behaviour: { ...nasty, good: GOOD },
    }),
    subscription("copy", { start: "earliest", behaviour: { ...nasty, failing: 0.1, good: [...GOOD, ...ODD] } }),
    subscription("neighbour-all", {
      ...{ tenant: TENANTS[1], ordering: "topic", start: "earliest" },
      behaviour: { ...NICE, failing: 0.1, failuresMax: 1, bad: REFUSALS, good: GOOD },
    }),
    subscription("batched", {
      ...{ ordering: "none", batch: { maxEvents: 5, maxWaitMilliseconds: 200 }, scheduleSeconds: [0.2, 0.2, 1] },
      behaviour: { ...nasty, failing: 0.2, failuresMax: 2, bad: REFUSALS, good: GOOD },
    }),
    subscription("limited", {
      ...{ ordering: "none", rateLimit: { perSecond: 20 }, filter: { types: ["order.paid"], atLeast: null } },
      behaviour: { ...NICE, failing: 0.1, failuresMax: 1, bad: REFUSALS, good: GOOD },
    }),
  ];
  return [...few, ...(full ? more : []), ...isolated(hanging)];
}

/** A topic of its own: one healthy subscriber among many that will hang. */
function isolated(hanging: number): SubscriptionPlan[] {
  const common = { topic: ISOLATION_TOPIC, managed: false } as const;
  return [
    subscription(CALM, common),
    ...Array.from({ length: hanging }, (_, index) =>
      subscription(`${HANGING}-${index + 1}`, { ...common, scheduleSeconds: [0.5, 0.5], holdAfterFailures: 10 }),
    ),
  ];
}
