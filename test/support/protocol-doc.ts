import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./process-group.ts";

/** The document of the HTTP protocol, for tests that compare it with the code. */
export const text = readFileSync(join(ROOT, "docs", "PROTOCOL.md"), "utf8");

/** A row of a table: its cells without white space around them. */
export type Row = readonly string[];

/** The rows of every table with this header. Throws when there is none, so that no test looks at nothing. */
export function rowsOf(...header: readonly string[]): Row[] {
  const found = tables.filter((table) => table.header.join("|") === header.join("|"));
  if (found.length === 0) throw new Error(`docs/PROTOCOL.md has no table ${header.join(", ")}`);
  return found.flatMap(({ rows }) => rows);
}

/** What stands between backticks in a cell; the cell itself where nothing does. */
export const code = (cell: string): string => /^`(.*)`$/.exec(cell)?.[1] ?? cell;

/** The first cell of each row. */
export const names = (rows: readonly Row[]): string[] => rows.map(([name = ""]) => code(name));

/** The text of a clause's JSON example: the first, or the one at `at`. */
export function example(clause: string, at = 0): string {
  const found = examples.filter((one) => one.clause === clause)[at];
  if (found === undefined) throw new Error(`docs/PROTOCOL.md has no example ${at} in clause ${clause}`);
  return found.text;
}

interface Table {
  readonly header: Row;
  readonly rows: Row[];
}

const cellsOf = (line: string): Row =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

function readTables(): readonly Table[] {
  const tables: Table[] = [];
  let open: Table | null = null;
  for (const line of text.split("\n")) {
    const cells = cellsOf(line);
    if (!line.startsWith("|")) open = null;
    else if (open === null) {
      open = { header: cells, rows: [] };
      tables.push(open);
    } else if (!cells.every((cell) => /^-+$/.test(cell))) open.rows.push(cells);
  }
  return tables;
}

/** The fenced blocks of JSON, each with the clause it stands in: a clause begins with its number in bold or a heading. */
function readExamples(): readonly { readonly clause: string; readonly text: string }[] {
  const pieces = text.matchAll(/^(?:\*\*|## )(\d+(?:\.\d+)?)|^```json\n([\s\S]*?)\n```/gm);
  let clause = "";
  return [...pieces].flatMap(([, number, json]) => {
    clause = number ?? clause;
    return json === undefined ? [] : [{ clause, text: json }];
  });
}

const tables = readTables();
const examples = readExamples();
