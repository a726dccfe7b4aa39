import { join } from "node:path";
import { parseArgs } from "node:util";
import { makePlan } from "./plan.ts";
import { describePlan } from "./plan-text.ts";
import { complaints, describeOutcome, writeSeen } from "./report.ts";
import { runPlan } from "./run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    /** Runs so many seeds, from `seed` on. */
    seeds: { type: "string", default: "1" },
    ops: { type: "string", default: "600" },
    kills: { type: "string", default: "10" },
    /** A bug of test/chaos/planted: the run has to be red. */
    planted: { type: "string" },
    /** The plan without its operations. */
    brief: { type: "boolean", default: false },
  },
});

const first = Number(values.seed);
const options =
  values.planted === undefined ? {} : { entry: join(import.meta.dirname, "planted", `${values.planted}.ts`) };
const failed: number[] = [];
const totals = new Map<string, number>();
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const plan = makePlan({ seed, ops: Number(values.ops), kills: Number(values.kills) });
  const lines = describePlan(plan);
  console.log((values.brief ? lines.slice(0, 1) : lines).join("\n"));
  const outcome = await runPlan(plan, (line) => console.log(`  ${line}`), options);
  for (const [invariant, made] of outcome.checks) totals.set(invariant, (totals.get(invariant) ?? 0) + made);
  const wrong = complaints(outcome);
  console.log(describeOutcome(outcome, wrong));
  if (wrong.length === 0) continue;
  failed.push(seed);
  console.log(`  all that was seen: ${writeSeen(outcome)}`);
}
if (Number(values.seeds) > 1) {
  console.log(
    `${values.seeds} seeds, ${failed.length} of them red${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`,
  );
  for (const [invariant, made] of totals) console.log(`  ${invariant}: ${made}`);
}
process.exitCode = failed.length === 0 ? 0 : 1;
