import type { Counts } from "./counts.ts";
import type { Bill } from "./run.ts";

const COLUMNS: readonly (readonly [keyof Counts, string])[] = [
  ["workerRequests", "Worker requests"],
  ["objectCalls", "object calls"],
  ["rowsWritten", "rows written"],
  ["rowsRead", "rows read"],
  ["queueOperations", "queue operations"],
  ["objectSeconds", "object-seconds"],
];

const short = (value: number): string => (value === 0 ? "0" : value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** The bill as a Markdown table: what one event counts on each meter, and what a million of them cost. */
export function printedBill({ lines, rows }: Bill): string {
  const header = [
    "subscriptions",
    "traffic",
    "keys",
    "retried",
    ...COLUMNS.map(([, title]) => title),
    "$ per million",
    "target",
  ];
  const body = lines.map(({ scenario, perEvent, dollarsPerMillionEvents }, index) => [
    `${scenario.subscriptions}`,
    scenario.traffic,
    scenario.keys ? "yes" : "no",
    `${scenario.retryShare * 100} %`,
    ...COLUMNS.map(([meter]) => short(perEvent[meter])),
    dollarsPerMillionEvents.toFixed(2),
    targetOf(rows[index]),
  ]);
  return `${[header, header.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

const targetOf = (row: Bill["rows"][number] | undefined): string =>
  row === undefined || row.target === null ? "" : `≤ ${row.target.toFixed(2)} ${row.met ? "met" : "missed"}`;
