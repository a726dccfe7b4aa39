import { afterAll, beforeAll, expect, it } from "vitest";
import { attemptLog } from "../support/sim/checks/attempt-log.ts";
import { barrier } from "../support/sim/checks/barrier.ts";
import { durableAck } from "../support/sim/checks/durable-ack.ts";
import { idempotency } from "../support/sim/checks/idempotency.ts";
import { lists } from "../support/sim/checks/lists.ts";
import { noGhosts } from "../support/sim/checks/no-ghosts.ts";
import { replay } from "../support/sim/checks/replay.ts";
import { stableOrder } from "../support/sim/checks/stable-order.ts";
import type { Checker } from "../support/sim/evidence.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { describeFailure } from "../support/sim/run.ts";
import { runSchedule } from "../support/sim/schedule.ts";

const SEEDS = Number(process.env.SLUICE_SIM_REPLAYS ?? 200);
/** Those that hold whatever comes again. */
const JUDGES: readonly Checker[] = [durableAck, stableOrder, noGhosts, idempotency, barrier, attemptLog, lists, replay];

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

it("seeks and redrives in any weather: nothing is lost, hidden or numbered twice", async () => {
  const checks = new Map<string, number>();
  const only = process.env.SLUICE_SIM_REPLAY;
  const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, index) => index + 1) : [Number(only)];
  for (const seed of seeds) {
    const outcome = await runSchedule(seed, { replay: JUDGES });
    expect(outcome.violations, describeFailure(outcome)).toEqual([]);
    for (const [invariant, made] of outcome.checks) checks.set(invariant, (checks.get(invariant) ?? 0) + made);
  }
  console.info([...checks].map(([invariant, made]) => `${invariant}: ${made}`).join(", "));
  if (only === undefined) expect([...checks.values()].filter((made) => made === 0)).toEqual([]);
});
