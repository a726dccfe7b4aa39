import { brief } from "./brief.ts";
import type { Ground } from "./ground.ts";
import type { Life } from "./life.ts";

/** What can be called: an object by its name. */
export interface Callee {
  readonly name: string;
  invoke(method: string, args: readonly unknown[]): Promise<unknown>;
}

/**
 * A call from one to another as the platform makes it: arguments and answers are copies; it takes its time; it may
 * fail before or after it was applied; when the callee dies the caller gets an error, when the caller dies nobody gets
 * anything.
 */
export function call(
  ground: Ground,
  caller: Life,
  callee: Callee,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  const { timeline, random } = ground;
  const label = `${caller.name} → ${callee.name}.${method}`;
  const copies = structuredClone(args);
  const { process } = ground;
  return new Promise((resolve, reject) => {
    const settle = (how: string, run: () => void) => {
      off();
      ground.later(caller, ground.transit(), `${label} ${how}`, run);
    };
    const fail = (why: string) => settle(`fails: ${why}`, () => reject(new Error(why)));
    // Only the outside outlives the process: all it sees is a broken connection.
    const off = process.onDeath(() => {
      if (caller.alive) fail("the process died");
    });
    timeline.after(ground.transit(), label, () => {
      if (!process.alive) return;
      if (timeline.verbose) timeline.note(`  asked ${brief(copies)}`);
      if (random.chance(ground.faults.requestLost)) return fail("the request was lost");
      callee.invoke(method, copies).then(
        (value) => {
          if (random.chance(ground.faults.replyLost)) return fail("the reply was lost");
          const copy = structuredClone(value);
          if (timeline.verbose) timeline.note(`  ${label} gives ${brief(copy)}`);
          settle("answers", () => resolve(copy));
        },
        (thrown) => fail(String(thrown)),
      );
    });
  });
}

/** The callee as its caller sees it. The methods are those of T by the platform's own rule: a call by name. */
export function stub<T extends object>(ground: Ground, caller: Life, callee: Callee): T {
  const handler: ProxyHandler<object> = {
    get: (_, method) =>
      method === "then" ? undefined : (...args: unknown[]) => call(ground, caller, callee, String(method), args),
  };
  return new Proxy({}, handler) as T;
}
