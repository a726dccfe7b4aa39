import type { Checker } from "../evidence.ts";
import type { Moment } from "../journal.ts";

interface Acknowledged {
  readonly asked: Moment;
  readonly answered: Moment;
  readonly first: number;
  readonly last: number;
}

/** Invariant 2: offsets unique, gapless, increasing, never reused; ack(A) before post(B) implies offset(A) < offset(B). */
export const stableOrder: Checker = {
  invariant: "2 stable order",
  check({ journal, log }, violation) {
    let checks = 0;
    const ids = new Map<number, string>();
    log.forEach((event, index) => {
      checks += 1;
      if (event.offset !== index + 1) violation(`offset ${event.offset} stands at place ${index + 1}`);
      if (index > 0 && event.receivedAt < (log[index - 1]?.receivedAt ?? 0))
        violation(`time runs back at ${event.offset}`);
      ids.set(event.offset, event.id);
    });
    const sameEvent = (offset: number, id: string, where: string) => {
      checks += 1;
      if (ids.get(offset) !== id) violation(`offset ${offset} was ${id} ${where} and is ${ids.get(offset)} now`);
    };
    const acknowledged: Acknowledged[] = [];
    for (const { tries } of journal.posts) {
      for (const { asked, answered } of tries) {
        if (!answered?.value.ok) continue;
        for (const { offset, id } of answered.value.value) sameEvent(offset, id, "in an answer");
        const fresh = answered.value.value.filter((one) => !one.duplicate).map((one) => one.offset);
        if (fresh.length > 0)
          acknowledged.push({ asked, answered, first: Math.min(...fresh), last: Math.max(...fresh) });
      }
    }
    for (const { send } of journal.requests) sameEvent(send.event.offset, send.event.id, "in a delivery");
    for (const a of acknowledged) {
      for (const b of acknowledged) {
        if (a.answered.step >= b.asked.step) continue;
        checks += 1;
        if (a.last >= b.first) violation(`${a.last} was acknowledged before ${b.first} was posted`);
      }
    }
    return checks;
  },
};
