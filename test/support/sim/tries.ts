import type { Moment, Try } from "./journal.ts";
import type { World } from "./world.ts";

export const momentOf = (world: World): Moment => ({ step: world.ground.timeline.step, at: world.ground.timeline.now });

/** Writes down what became of a call: answered, or broken off with its outcome unknown. Never rejects. */
export async function attempt<T>(world: World, tries: Try<T>[], call: () => Promise<T>): Promise<Try<T>> {
  const one: Try<T> = { asked: momentOf(world), answered: null, broken: null };
  tries.push(one);
  try {
    const value = await call();
    one.answered = { ...momentOf(world), value };
  } catch {
    one.broken = momentOf(world);
  }
  return one;
}
