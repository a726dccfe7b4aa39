import type { Checker } from "../evidence.ts";

/** Invariant 2: offsets unique, gapless, increasing, never reused; ack(A) before post(B) implies offset(A) < offset(B). */
export const stableOrder: Checker = {
  invariant: "2 stable order",
  check({ journal, dump }, violation) {
    let checks = 0;
    for (const [name, entries] of dump.logs) {
      entries.forEach(({ id, offset }, index) => {
        checks += 1;
        if (offset !== index + 1) violation(`${name}: ${id} is number ${index + 1} and has offset ${offset}`);
      });
      if (new Set(entries.map(({ id }) => id)).size !== entries.length) violation(`${name}: an id stands there twice`);

      const answers = journal.posts
        .filter(({ tenant, topic }) => `${tenant}/${topic}` === name)
        .flatMap(({ tries }) => tries)
        .flatMap(({ asked, done, answer }) => {
          const offsets = (answer ?? []).filter(({ duplicate }) => !duplicate).map(({ offset }) => offset);
          return offsets.length === 0 ? [] : [{ asked, done, low: Math.min(...offsets), high: Math.max(...offsets) }];
        });
      // The highest offset acknowledged before each post was asked for.
      const byDone = answers.toSorted((a, b) => a.done - b.done);
      let acknowledged = 0;
      let highest = 0;
      for (const post of answers.toSorted((a, b) => a.asked - b.asked)) {
        for (let one = byDone[acknowledged]; one !== undefined && one.done < post.asked; one = byDone[acknowledged]) {
          highest = Math.max(highest, one.high);
          acknowledged += 1;
        }
        checks += 1;
        if (post.low <= highest) violation(`${name}: ${post.low} was posted after ${highest} had been acknowledged`);
      }
    }
    return checks;
  },
};
