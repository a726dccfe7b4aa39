import { sendBody } from "../../../../src/core/body.ts";
import { sameBytes } from "../content.ts";
import type { Checker } from "../evidence.ts";
import { postedAt } from "../posted.ts";
import { expectation } from "../relevant.ts";

/** Invariant 6: every request maps to an event, a filter that matches and the right tenant. */
export const noSpurious: Checker = {
  invariant: "6 no spurious delivery",
  check(evidence, violation) {
    const { journal, log } = evidence;
    /** Subscription and offset → what the first attempt said was matched before. */
    const firstPrevious = new Map<string, number>();
    for (const { send, part } of journal.requests) {
      const { id, tenant, topic, format } = part.target;
      const what = `request for ${send.event.offset} to ${id}`;
      const record = journal.subscriptions.get(id);
      const sent = send.batch?.events ?? [send.event];
      const events = sent.flatMap(({ offset }) => log[offset - 1] ?? []);
      const [event] = events;
      if (event === undefined || record === undefined || events.length < sent.length) {
        violation(`${what}: there is no such event or subscription`);
        continue;
      }
      if (part.subscription !== `${tenant}/${id}` || tenant !== record.config.tenant)
        violation(`${what}: wrong tenant`);
      const body = sendBody(format, send, topic).bytes;
      const batch = send.batch && { ...send.batch, events };
      if (!sameBytes(body, sendBody(format, { event, batch }, topic).bytes)) violation(`${what}: other bytes`);
      const start = evidence.standing.get(id)?.start ?? 0;
      for (const one of events) {
        if (!includes(body, one.data)) violation(`${what}: the data is not what was posted`);
        if (expectation(record, one, postedAt(evidence, one)) === "never") violation(`${what}: it does not match`);
        if (one.offset < start) violation(`${what}: the subscription starts at ${start}`);
      }
      const attempts = firstPrevious.get(`${id} ${send.event.offset}`) ?? send.previous;
      firstPrevious.set(`${id} ${send.event.offset}`, attempts);
      if (send.previous !== attempts) violation(`${what}: previous offset ${send.previous}, before it was ${attempts}`);
    }
    return journal.requests.length;
  },
};

function includes(body: Uint8Array, data: Uint8Array): boolean {
  return Buffer.from(body).includes(Buffer.from(data));
}
