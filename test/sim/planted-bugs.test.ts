import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUGS } from "../support/sim/bugs/all.ts";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { runSchedule } from "../support/sim/schedule.ts";

/** The rarest of them shows within six hundred or so, whatever a change makes of the schedules. */
const SEEDS_MAX = 1000;

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

describe("a planted bug turns the simulation red", () => {
  it.each(BUGS)("$name", async ({ name, bug, caughtBy, from = 1 }) => {
    for (let seed = from; seed <= SEEDS_MAX; seed++) {
      const { violations } = await runSchedule(seed, { bug });
      const caught = violations.find((violation) =>
        caughtBy.some((invariant) => violation.startsWith(`${invariant}:`)),
      );
      if (caught === undefined) continue;
      console.info(`${name}: seed ${seed}, ${caught}`);
      return;
    }
    expect.fail(`"${name}" went unnoticed in ${SEEDS_MAX} schedules`);
  });
});
