import { join } from "node:path";
import { expect, it } from "vitest";
import { makePlan } from "./plan.ts";
import { runPlan } from "./run.ts";

/** What the simulation cannot show, because it neither signs nor sends; the others are in test/sim/planted-bugs.test.ts. */
it("a stale timestamp on a retry turns chaos red", async () => {
  const entry = join(import.meta.dirname, "planted", "stale-timestamp.ts");
  const plan = makePlan({ seed: 1, ops: 40, kills: 1 });
  const { violations } = await runPlan(plan, () => undefined, { entry });
  expect(violations.filter((one) => one.startsWith("11 authentic:")).join("\n")).toMatch(/timestamp of \d+ s before/);
  // It is this one that is caught, and nothing else is wrong.
  expect(violations.filter((one) => !one.startsWith("11 authentic:"))).toEqual([]);
});
