import { EVENTS_TOPIC } from "../../../src/core/operational-event.ts";
import type { Checker } from "../evidence.ts";

/** Invariant 3: every event was posted; a 4xx appended nothing; an unknown outcome appended 0 or 1, of a batch all or none. */
export const noGhosts: Checker = {
  invariant: "3 no ghosts",
  check({ journal, events, byMarker }, violation) {
    let checks = 0;
    for (const { log, entry, posted } of events.values()) {
      if (log.endsWith(`/${EVENTS_TOPIC}`)) continue;
      checks += 1;
      if (posted === null) violation(`${log} ${entry.offset} was never posted: ${entry.data.slice(0, 100)}`);
      else if (`${posted.post.tenant}/${posted.post.topic}` !== log)
        violation(`${log} ${entry.offset} was posted elsewhere`);
      else if (posted.event.data !== entry.data) violation(`${log} ${entry.offset} has other bytes than were posted`);
    }
    for (const { kind, note, tenant, topic, events: posted, tries } of journal.posts) {
      const found = posted.map(({ marker }) => byMarker.get(marker)?.length ?? 0);
      const what = `${tenant}/${topic}: ${note} (${posted[0]?.marker})`;
      checks += 1;
      if (kind !== "good") {
        const accepted = tries.find(({ status }) => status !== null && status < 400);
        if (accepted !== undefined) violation(`${what} was answered ${accepted.status}`);
        if (found.some((times) => times > 0)) violation(`${what} was refused and is in the log`);
        continue;
      }
      if (found.some((times) => times > 1)) violation(`${what} is in the log ${Math.max(...found)} times`);
      if (new Set(found).size > 1) violation(`${what}: only a part of the batch is in the log`);
      const refused = tries.every(({ status }) => status !== null && status >= 400 && status < 500);
      if (refused) violation(`${what} was refused with ${tries.map(({ status, code }) => `${status} ${code}`)}`);
    }
    return checks;
  },
};
