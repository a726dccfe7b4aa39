import { CHECKERS } from "./checkers.ts";
import { type Outcome, runSchedule } from "./schedule.ts";

/** Schedules of `npm test`; `npm run test:long` and the environment ask for others. */
const SCHEDULES_DEFAULT = 400;
/** Fewer than this need not have met every situation. */
const SCHEDULES_JUDGED = 200;
const FAILURES_SHOWN = 3;

export interface Summary {
  readonly schedules: number;
  readonly steps: number;
  readonly checks: ReadonlyMap<string, number>;
  readonly failures: readonly Outcome[];
}

/**
 * Runs one of `of` shares of all schedules, so that every core can have one. SLUICE_SIM_SCHEDULES is how many there are
 * in all, SLUICE_SIM_FIRST the seed of the first (a long run can be made in parts), SLUICE_SIM_SEED the only one to be run.
 */
export async function runShare(share: number, of: number): Promise<Summary> {
  const checks = new Map(CHECKERS.map(({ invariant }) => [invariant, 0]));
  const failures: Outcome[] = [];
  let schedules = 0;
  let steps = 0;
  for (const seed of seedsOf(share, of)) {
    const outcome = await runSchedule(seed);
    schedules += 1;
    steps += outcome.steps;
    for (const [invariant, made] of outcome.checks) checks.set(invariant, (checks.get(invariant) ?? 0) + made);
    if (outcome.violations.length > 0) failures.push(outcome);
    if (failures.length === FAILURES_SHOWN) break;
  }
  return { schedules, steps, checks, failures };
}

/** What is wrong with a run, for a person; empty when nothing is. A checker that never had anything to check is wrong. */
export function complaints({ schedules, checks, failures }: Summary): string[] {
  const idle = [...checks].filter(([, made]) => made === 0).map(([invariant]) => invariant);
  return [
    ...failures.map(describeFailure),
    ...(schedules >= SCHEDULES_JUDGED ? idle.map((invariant) => `${invariant}: nothing was checked`) : []),
  ];
}

export function describeSummary({ schedules, steps, checks }: Summary): string {
  const counts = [...checks].map(([invariant, made]) => `${invariant}: ${made}`);
  return `${schedules} schedules, ${steps} steps; checks made: ${counts.join(", ")}`;
}

export function describeFailure({ seed, weather, steps, violations, trace, dump }: Outcome): string {
  return [
    `Seed ${seed} (${weather}, ${steps} steps) breaks:`,
    ...violations.slice(0, 10).map((violation) => `  ${violation}`),
    "How things stood:",
    ...dump,
    "Last steps:",
    ...trace,
    `Run only this one: SLUICE_SIM_SEED=${seed} npx vitest run --project sim (all of it: SLUICE_SIM_TRACE=100000)`,
  ].join("\n");
}

function seedsOf(share: number, of: number): number[] {
  const only = process.env.SLUICE_SIM_SEED;
  if (only !== undefined) return share === 0 ? [Number(only)] : [];
  const all = Number(process.env.SLUICE_SIM_SCHEDULES ?? SCHEDULES_DEFAULT);
  const first = Number(process.env.SLUICE_SIM_FIRST ?? 1);
  const seeds: number[] = [];
  for (let seed = first + share; seed < first + all; seed += of) seeds.push(seed);
  return seeds;
}
