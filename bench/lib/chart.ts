import type { Row } from "./result.ts";

const WIDTH = 1080;
const LABEL_WIDTH = 600;
const LABEL_MAX_CHARACTERS = 95;
const ROW_HEIGHT = 34;
const BAR_HEIGHT = 16;
const TOP = 56;
/** Bars end here, in times of the target. */
const SCORE_MAX = 3;
const BARS_WIDTH = WIDTH - LABEL_WIDTH - 90;

/** How well a row does, in times of its target: 1 is the target, more is better, whichever direction the row has. */
export const scoreOf = (
  ratio: number,
  { target, direction }: { target: number; direction: Row["direction"] },
): number => (direction === "at-least" ? ratio / target : target / ratio);

/** The rows as bars against their targets. */
export function chartOf(rows: readonly Row[], caption: string): string {
  const shown = rows.flatMap(({ name, ratio, target, stretch, direction, met }) =>
    ratio === null || target === null || stretch === null ? [] : [{ name, ratio, target, stretch, direction, met }],
  );
  const height = TOP + shown.length * ROW_HEIGHT + 16;
  const x = (score: number): number => LABEL_WIDTH + (Math.min(score, SCORE_MAX) / SCORE_MAX) * BARS_WIDTH;
  const bars = shown.map((row, index) => {
    const y = TOP + index * ROW_HEIGHT;
    const score = scoreOf(row.ratio, row);
    const stretch = scoreOf(row.stretch, row);
    const sign = row.direction === "at-least" ? "≥" : "≤";
    return [
      text(LABEL_WIDTH - 12, y + 13, shortName(row.name), 'text-anchor="end"'),
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${(x(score) - LABEL_WIDTH).toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${row.met ? "#2f855a" : "#c05621"}"/>`,
      `<line x1="${x(stretch).toFixed(1)}" x2="${x(stretch).toFixed(1)}" y1="${y - 3}" y2="${y + BAR_HEIGHT + 3}" stroke="#718096" stroke-dasharray="2 2"/>`,
      text(x(score) + 6, y + 13, `${row.ratio} × (${sign} ${row.target})`),
    ].join("\n");
  });
  const goal = x(1).toFixed(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${caption}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${text(16, 22, caption, 'font-size="13" font-weight="600"')}
${text(Number(goal), 44, "target", 'text-anchor="middle" fill="#4a5568"')}
<line x1="${goal}" x2="${goal}" y1="${TOP - 6}" y2="${height - 12}" stroke="#1a202c"/>
${bars.join("\n")}
</svg>
`;
}

/** Without what the table tells anyway. */
const shortName = (name: string): string => {
  const short = name.replace(
    / to one subscriber, signed and logged|, signed and logged|, publish → received,|, 32 clients|, sustained 60 s| \(fsync always\)/g,
    "",
  );
  return short.length > LABEL_MAX_CHARACTERS ? `${short.slice(0, LABEL_MAX_CHARACTERS - 2)} …` : short;
};

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y}" ${more}>${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
