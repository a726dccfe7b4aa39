import { it } from "vitest";
import { runSchedule } from "../support/sim/schedule.ts";
it("runs", async () => {
  console.log = () => undefined;
  const from = Number(process.env.FROM ?? 1), n = Number(process.env.N ?? 20);
  const t0 = Date.now(); let steps = 0, bad = 0;
  const kinds = new Map<string, number[]>();
  const counts = new Map<string, number>();
  for (let seed = from; seed < from + n; seed++) {
    const o = await runSchedule(seed);
    steps += o.steps;
    for (const [k, v] of o.checks) counts.set(k, (counts.get(k) ?? 0) + v);
    if (o.violations.length > 0) {
      bad++;
      for (const v of new Set(o.violations.map((v) => v.replace(/evt_\w+/g, "E").replace(/sub_\d/g, "S").replace(/\d+/g, "N").slice(0, 90)))) kinds.set(v, [...(kinds.get(v) ?? []), seed]);
      if (bad <= Number(process.env.SHOW ?? 0)) process.stderr.write(["seed", seed, o.weather, o.steps, "\n"+o.violations.slice(0, 5).join("\n"), "\n" + (process.env.DUMP ? o.dump.join("\n") : "") + "\n" + o.trace.slice(-Number(process.env.TRACE ?? 0)).join("\n")].join(" ")+"\n");
    }
  }
  for (const [k, v] of [...kinds].sort((a, b) => b[1].length - a[1].length)) process.stderr.write(`${v.length}\t${k}\t${v.slice(0, 6)}\n`);
  process.stderr.write(JSON.stringify({ n, bad, steps, ms: Date.now() - t0, ...Object.fromEntries(counts) }) + "\n");
});
