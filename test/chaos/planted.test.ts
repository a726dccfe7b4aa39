import { join } from "node:path";
import { expect, it } from "vitest";
import { makePlan, type Plan, type SubscriptionPlan } from "./plan.ts";
import { MAIN } from "./plan-subscriptions.ts";
import { runPlan } from "./run.ts";

/** Longer than a timestamp may be old: every retry of it shows the bug, whatever else the machine makes of the plan. */
const RETRY_SECONDS = 3;

/** What the simulation cannot show, because it neither signs nor sends; the others are in test/sim/planted-bugs.test.ts. */
it("a stale timestamp on a retry turns chaos red", async () => {
  const entry = join(import.meta.dirname, "planted", "stale-timestamp.ts");
  const plan = withLateRetries(makePlan({ seed: 1, ops: 25, kills: 0 }));
  const { violations } = await runPlan(plan, () => undefined, { entry });
  expect(violations.filter((one) => one.startsWith("11 authentic:")).join("\n")).toMatch(/timestamp of \d+ s before/);
  // It is this one that is caught, and nothing else is wrong.
  expect(violations.filter((one) => !one.startsWith("11 authentic:"))).toEqual([]);
});

/** One more subscriber: half of its events fail once. Which retries the others need, and when, no seed decides. */
function withLateRetries(plan: Plan): Plan {
  const late = plan.subscriptions
    .filter(({ name }) => name === MAIN)
    .map((one): SubscriptionPlan => {
      const behaviour = { failing: 0.5, failuresMax: 1, hopeless: 0, gone: 0, bad: ["500"], good: ["ok"] } as const;
      return { ...one, name: "late", ordering: "none", scheduleSeconds: [RETRY_SECONDS], behaviour, managed: false };
    });
  return { ...plan, subscriptions: [...plan.subscriptions, ...late] };
}
