import { markOf } from "../content.ts";
import type { Checker } from "../evidence.ts";

/** Invariant 3: every event was posted; a refusal appended nothing; an unknown outcome appended 0 or 1. */
export const noGhosts: Checker = {
  invariant: "3 no ghosts",
  check({ journal, log }, violation) {
    let checks = 0;
    const times = new Map<number, number>();
    for (const event of log) {
      const mark = markOf(event.data) ?? -1;
      times.set(mark, (times.get(mark) ?? 0) + 1);
    }
    for (const { request, tries } of journal.posts) {
      const unknown = tries.filter(({ answered }) => answered === null);
      for (const [index, event] of request.events.entries()) {
        checks += 1;
        // Each by itself: an id of a batch may have been used for other bytes before.
        const appended = tries.filter(
          ({ answered }) => answered?.value.ok && answered.value.value[index]?.duplicate === false,
        );
        const mark = markOf(event.data) ?? -1;
        const found = times.get(mark) ?? 0;
        times.delete(mark);
        const least = appended.length;
        const most = appended.length + unknown.length;
        if (found < least || found > most)
          violation(`event ${mark} is in the log ${found} times, not ${least}..${most}`);
      }
    }
    for (const [mark] of times) violation(`event ${mark} was never posted`);
    return checks;
  },
};
