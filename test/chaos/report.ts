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
