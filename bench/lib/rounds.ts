import { performance } from "node:perf_hooks";
import type { Sample } from "./result.ts";

export interface Variant {
  readonly name: string;
  measure(): Promise<Sample>;
}

/**
 * Variants in turns, round after round, so that what the machine does meanwhile hits all of them: the first round always,
 * then more while the time lasts. A round begins with another variant than the one before.
 */
export async function rounds(
  variants: readonly Variant[],
  limits: { readonly rounds: number; readonly milliseconds: number },
): Promise<ReadonlyMap<string, Sample>[]> {
  const startedAt = performance.now();
  const all: Map<string, Sample>[] = [];
  let longest = 0;
  for (let round = 0; round < limits.rounds; round += 1) {
    const left = limits.milliseconds - (performance.now() - startedAt);
    if (round > 0 && left < longest) break;
    const roundStartedAt = performance.now();
    const samples = new Map<string, Sample>();
    for (let turn = 0; turn < variants.length; turn += 1) {
      const variant = variants[(turn + round) % variants.length];
      if (variant !== undefined) samples.set(variant.name, await variant.measure());
    }
    all.push(samples);
    longest = Math.max(longest, performance.now() - roundStartedAt);
  }
  return all;
}

/** The samples of two variants, side by side. */
export const paired = (all: readonly ReadonlyMap<string, Sample>[], value: string, floor: string) =>
  all.flatMap((samples) => {
    const [one, other] = [samples.get(value), samples.get(floor)];
    return one === undefined || other === undefined ? [] : [{ value: one, floor: other }];
  });
