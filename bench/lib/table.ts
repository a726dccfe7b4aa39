import type { Row } from "./result.ts";

const cell = (value: number | null): string => (value === null ? "–" : value.toLocaleString("en-US"));
const times = (value: number | null): string => (value === null ? "–" : `${cell(value)} ×`);

const HEADER = ["what", "measured", "floor", "ratio", "spread", "target", "stretch", "met", "CPU µs: measured, floor"];

/** The rows as a Markdown table, with their notes below. */
export function printed(rows: readonly Row[]): string {
  const lines = rows.map((row, index) => {
    const sign = row.direction === "at-least" ? "≥" : "≤";
    const cpu = row.cpuMicroseconds;
    return [
      row.note === null ? row.name : `${row.name} [${index + 1}]`,
      `${cell(row.value)} ${row.unit}`,
      cell(row.floor),
      times(row.ratio),
      row.spread === null ? "–" : `${Math.round(row.spread * 100)} %`,
      row.target === null ? "–" : `${sign} ${times(row.target)}`,
      row.stretch === null ? "–" : times(row.stretch),
      row.met === null ? "–" : row.stretchMet ? "stretch" : row.met ? "yes" : "no",
      cpu === null ? "–" : `${cell(cpu.value)}, ${cell(cpu.floor)}`,
    ];
  });
  const table = [HEADER, HEADER.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  const notes = rows.flatMap(({ note }, index) => (note === null ? [] : [`[${index + 1}] ${note}`]));
  return `${[...table, "", ...notes.flatMap((note) => [note, ""])].join("\n")}\n`;
}
