import { SCHEMA_STEPS_MAX } from "./limits.ts";

/** What schemas may still cost the events of one request. */
export interface Work {
  steps: number;
}

/** Schemas that refer to themselves can take time without end, so what they do is counted. */
export class TooMuchWork extends Error {}

export const newWork = (): Work => ({ steps: SCHEMA_STEPS_MAX });

let present: Work = newWork();

/** Runs one evaluation, which is synchronous: what it spends is taken from `work`. */
export function spending<T>(work: Work, evaluate: () => T): T {
  present = work;
  return evaluate();
}

export function spend(steps: number): void {
  present.steps -= steps;
  if (present.steps < 0) throw new TooMuchWork();
}
