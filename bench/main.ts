import { bill } from "./cost/run.ts";
import { printedBill } from "./cost/table.ts";
import { parseArguments } from "./lib/arguments.ts";
import { Bench, type Group } from "./lib/bench.ts";
import { machine, versions } from "./lib/machine.ts";
import { type Row, skipped } from "./lib/result.ts";
import { printed } from "./lib/table.ts";
import { drain } from "./rows/drain.ts";
import { fanOut } from "./rows/fan-out.ts";
import { ingest, ingestBatch } from "./rows/ingest.ts";
import { latency, manySubscriptions } from "./rows/latency.ts";
import { logSize } from "./rows/log-size.ts";
import { memory } from "./rows/memory.ts";
import { rowBudgets } from "./rows/rows.ts";
import { together } from "./rows/together.ts";

const GROUPS: readonly Group[] = [
  ...[ingest, ingestBatch, drain, latency, fanOut, together],
  ...[logSize, manySubscriptions, rowBudgets, memory],
];

/** A quick run begins nothing after this: on a busy machine it does less, and says so. */
const QUICK_BEGIN_MAX_MS = 34_000;

async function measure(bench: Bench, groups: readonly Group[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const group of groups) {
    const startedAt = performance.now();
    if (bench.quick && startedAt > QUICK_BEGIN_MAX_MS) {
      rows.push(...group.measures.map((of) => skipped(of, "this machine is too busy for all of a quick run")));
      continue;
    }
    bench.say(`${group.name} ...`);
    rows.push(...(await group.run(bench)));
    bench.say(`${group.name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }
  return rows;
}

const options = parseArguments(
  process.argv.slice(2),
  GROUPS.map(({ name }) => name),
);
if ("refused" in options) {
  process.stderr.write(`${options.refused}\n`);
  process.exitCode = 2;
} else {
  const bench = await Bench.start(options.quick);
  const where = { machine: machine(), versions: versions() };
  const print = (result: object, table: string): void => {
    process.stdout.write(options.json ? `${JSON.stringify({ ...where, ...result }, null, 2)}\n` : table);
  };
  try {
    if (options.cost) {
      const counted = await bill(bench);
      print(counted, printedBill(counted));
    } else {
      const rows = await measure(
        bench,
        GROUPS.filter(({ name }) => options.only?.includes(name) ?? true),
      );
      print({ rows }, printed(rows));
    }
  } finally {
    await bench.stop();
  }
}
