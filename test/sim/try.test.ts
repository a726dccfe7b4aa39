import { it } from "vitest";
import { runSchedule } from "../support/sim/schedule.ts";
it("runs", async () => {
  console.log = () => undefined;
  const from = Number(process.env.FROM ?? 1), n = Number(process.env.N ?? 20);
  const t0 = Date.now(); let steps = 0, bad = 0;
  for (let seed = from; seed < from + n; seed++) {
    const o = await runSchedule(seed);
    steps += o.steps;
    if (o.violations.length > 0) {
      bad++;
      if (bad < Number(process.env.SHOW ?? 3)) console.error("seed", seed, o.weather, o.steps, o.violations.slice(0, 5).join("\n"), "\n" + (process.env.DUMP ? o.dump.join("\n") : "") + "\n" + o.trace.slice(-Number(process.env.TRACE ?? 0)).join("\n"));
    }
  }
  console.error({ n, bad, steps, ms: Date.now() - t0 });
});
