// Writes what bench/README.md shows, from results as `npm run bench -- --json` prints them: the table and the chart.
//   npx node bench/report.ts bench/results/rows.json bench/results/bill.json
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bill } from "./cost/run.ts";
import { printedBill } from "./cost/table.ts";
import { chartOf } from "./lib/chart.ts";
import type { Row } from "./lib/result.ts";
import { printed } from "./lib/table.ts";

const [rowsFile = "", billFile = ""] = process.argv.slice(2);
const measured: { readonly rows: readonly Row[] } = JSON.parse(readFileSync(rowsFile, "utf8"));
const bill: Bill = JSON.parse(readFileSync(billFile, "utf8"));

writeFileSync(
  join(import.meta.dirname, "chart.svg"),
  chartOf(measured.rows, "Each row against its target (dashed: stretch)"),
);
replaceIn(join(import.meta.dirname, "README.md"), "rows", printed(measured.rows));
replaceIn(join(import.meta.dirname, "..", "docs", "OPERATING.md"), "bill", printedBill(bill));

/** What stands between the marks of a name. */
function replaceIn(file: string, name: string, table: string): void {
  const before = readFileSync(file, "utf8");
  const marks = [`<!-- ${name}: written by bench/report.ts -->`, `<!-- end of ${name} -->`] as const;
  const [start, end] = marks.map((mark) => before.indexOf(mark));
  if (start === undefined || end === undefined || start < 0 || end < start) throw new Error(`${file} has no ${name}`);
  writeFileSync(file, `${before.slice(0, start)}${marks[0]}\n\n${table.trim()}\n\n${before.slice(end)}`);
}
