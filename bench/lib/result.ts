import { median, rounded, spread } from "./statistics.ts";

/** Whether a ratio has to be at least, or may be at most, its target. */
export type Direction = "at-least" | "at-most";

export interface Goal {
  readonly direction: Direction;
  readonly target: number;
  readonly stretch: number;
}

/** What is measured of one variant in one round. */
export interface Sample {
  readonly value: number;
  /** CPU of the server processes, microseconds per unit of work; null where it is not known. */
  readonly cpuMicroseconds: number | null;
}

/** One line of the result. Where nothing could be measured the numbers are null and `note` says why. */
export interface Row {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  /** What the floor or the peer made of the same, in the same run. */
  readonly floor: number | null;
  /** value / floor: the median of the rounds' own ratios. */
  readonly ratio: number | null;
  /** Of the ratios: largest less smallest, as a share of the median. */
  readonly spread: number | null;
  /** Of the ratio. */
  readonly target: number | null;
  readonly stretch: number | null;
  readonly direction: Direction;
  readonly met: boolean | null;
  readonly stretchMet: boolean | null;
  readonly rounds: number;
  /** Of the server processes, microseconds per unit of work. */
  readonly cpuMicroseconds: { readonly value: number; readonly floor: number } | null;
  /** What has to be known to read the numbers: a smaller size, what was left out. */
  readonly note: string | null;
}

export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly goal: Goal;
  readonly note?: string | null;
}

/** A row of a variant and its floor, measured in the same rounds. */
export function rowOf(of: Measured, rounds: readonly { readonly value: Sample; readonly floor: Sample }[]): Row {
  const ratios = rounds.map(({ value, floor }) => value.value / floor.value);
  const cpu = rounds.flatMap(({ value, floor }) =>
    value.cpuMicroseconds === null || floor.cpuMicroseconds === null
      ? []
      : [{ value: value.cpuMicroseconds, floor: floor.cpuMicroseconds }],
  );
  const ratio = median(ratios);
  return {
    name: of.name,
    value: rounded(median(rounds.map(({ value }) => value.value))),
    unit: of.unit,
    floor: rounded(median(rounds.map(({ floor }) => floor.value))),
    ratio: rounded(ratio),
    spread: rounded(spread(ratios)),
    ...judged(ratio, of.goal),
    rounds: rounds.length,
    cpuMicroseconds:
      cpu.length === 0
        ? null
        : {
            value: rounded(median(cpu.map(({ value }) => value))),
            floor: rounded(median(cpu.map(({ floor }) => floor))),
          },
    note: of.note ?? null,
  };
}

/** A row that could not be measured, and why. */
export const skipped = (of: Measured, why: string): Row => ({
  name: of.name,
  unit: of.unit,
  ...{ value: null, floor: null, ratio: null, spread: null, rounds: 0, cpuMicroseconds: null },
  target: of.goal.target,
  stretch: of.goal.stretch,
  direction: of.goal.direction,
  ...{ met: null, stretchMet: null },
  note: `skipped: ${why}`,
});

/** Judged before rounding. */
function judged(ratio: number, { direction, target, stretch }: Goal) {
  const reaches = (goal: number): boolean => (direction === "at-least" ? ratio >= goal : ratio <= goal);
  return { target, stretch, direction, met: reaches(target), stretchMet: reaches(stretch) };
}
