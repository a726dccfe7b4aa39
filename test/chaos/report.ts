import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "./run.ts";

const VIOLATIONS_SHOWN = 40;

/** What is wrong with a run; a checker that had nothing to check is wrong as well. */
export function complaints({ checks, violations, judged }: Outcome): string[] {
  if (!judged) return [...violations];
  const idle = [...checks].filter(([, made]) => made === 0).map(([invariant]) => `${invariant}: nothing was checked`);
  return [...violations, ...idle];
}

export function describeOutcome(
  { seed, seconds, checks, summary, remarks }: Outcome,
  wrong: readonly string[],
): string {
  const counts = [...checks].map(([invariant, made]) => `${invariant}: ${made}`).join(", ");
  return [
    `Seed ${seed}: ${wrong.length === 0 ? "all invariants hold" : `${wrong.length} VIOLATIONS`} (${seconds.toFixed(1)} s)`,
    `  ${summary}`,
    ...remarks.map((remark) => `  remark: ${remark}`),
    `  checks: ${counts}`,
    ...wrong.slice(0, VIOLATIONS_SHOWN).map((one) => `  VIOLATED ${one}`),
    ...(wrong.length > VIOLATIONS_SHOWN ? [`  ... and ${wrong.length - VIOLATIONS_SHOWN} more`] : []),
  ].join("\n");
}

/** Writes all that was seen to a file of the system's temporary directory, and returns its name. */
export function writeSeen({ seed, seen }: Outcome): string {
  const file = join(tmpdir(), `sluice-chaos-${seed}-${process.pid}.json`);
  const readable = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries(value);
    if (value instanceof Set) return [...value];
    // The body of a request, which has been made JSON already.
    const bytes = typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
    return bytes && "data" in value && Array.isArray(value.data) ? Buffer.from(value.data).toString() : value;
  };
  writeFileSync(file, JSON.stringify(seen, readable));
  return file;
}
