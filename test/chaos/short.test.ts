import { expect, it } from "vitest";
import { makePlan } from "./plan.ts";
import { complaints, describeOutcome } from "./report.ts";
import { runPlan } from "./run.ts";

/** Between them they have nine of the ten kinds of kills; full runs (`npm run test:long`) have all ten each. */
const SEEDS = [1, 2, 3];

it.concurrent.each(SEEDS)("all invariants hold over seed %i of --ops 100 --kills 3", async (seed) => {
  const lines: string[] = [];
  const outcome = await runPlan(makePlan({ seed, ops: 100, kills: 3 }), (line) => lines.push(line));
  const wrong = complaints(outcome);
  expect(wrong, [...lines, describeOutcome(outcome, wrong)].join("\n")).toEqual([]);
});
