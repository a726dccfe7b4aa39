import type { LogEvent } from "../../../../src/core/event.ts";
import type { Delivery, Send } from "../../../../src/subscription/rpc.ts";
import type { Checker, Evidence, Standing } from "../evidence.ts";
import { postedAt } from "../posted.ts";
import { expectation } from "../relevant.ts";
import { numbers, oneAtATime } from "./retries.ts";

const SETTLED: ReadonlySet<string> = new Set(["delivered", "dead", "cancelled"]);

/**
 * History that comes again (API clauses 5.4, 7.6): everything is settled in the end, attempts are numbered through, one at a
 * time, and whatever was to come after the last seek came.
 */
export const replay: Checker = {
  invariant: "replay",
  check(evidence, violation) {
    let checks = 0;
    for (const [id, standing] of evidence.standing) {
      const say = (what: string) => violation(`${id}: ${what}`);
      if (standing.view.lag !== 0) say(`has lag ${standing.view.lag}`);
      for (const delivery of standing.deliveries) {
        checks += 1;
        judge(evidence, id, delivery, say);
      }
      checks += cameAgain(evidence, standing, say);
    }
    return checks;
  },
};

const carried = ({ batch, event }: Send): readonly LogEvent[] => batch?.events ?? [event];

function judge({ journal }: Evidence, id: string, delivery: Delivery, say: (what: string) => void): void {
  const { offset, state, attempts, eventId } = delivery;
  if (!SETTLED.has(state)) say(`event ${offset} is ${state} in the end`);
  const logged = attempts.map(({ number }) => number);
  if (logged.some((number, index) => number !== index + 1)) say(`event ${offset} has attempts numbered ${logged}`);
  const requests = journal.requests.filter(
    ({ send, part }) => part.target.id === id && carried(send).some((one) => one.id === eventId),
  );
  const alone = requests.filter(({ send }) => send.batch === null);
  numbers(alone, (what) => say(`event ${offset} ${what}`));
  oneAtATime(requests, (what) => say(`event ${offset}: ${what}`));
}

/** After the last seek, if its outcome is known: events from there on arrived (again), are dead, or were cancelled by hand. */
function cameAgain(evidence: Evidence, { record, deliveries }: Standing, say: (what: string) => void): number {
  const last = record.seeks.at(-1);
  if (last === undefined || last.value === null || last.done === null) return 0;
  const { value: to, asked } = last;
  let checks = 0;
  for (const event of evidence.log) {
    if (event.offset < to || expectation(record, event, asked) !== "must") continue;
    if (expectation(record, event, postedAt(evidence, event)) !== "must") continue;
    checks += 1;
    const delivery = deliveries.find(({ offset }) => offset === event.offset);
    const byHand = record.cancels.some(({ value, accepted }) => value === event.id && accepted);
    if (delivery === undefined && !byHand) say(`event ${event.offset} is in no list after a seek to ${to}`);
    if (delivery?.state === "cancelled" && !byHand) say(`event ${event.offset} is cancelled after a seek to ${to}`);
    if (delivery?.state !== "delivered") continue;
    const again = evidence.journal.requests.some(
      ({ part, send, ended }) =>
        part.target.id === record.config.id &&
        carried(send).some(({ id }) => id === event.id) &&
        (ended?.step ?? Infinity) > asked.step,
    );
    if (!again && !byHand) say(`event ${event.offset} did not come again after a seek to ${to}`);
  }
  return checks;
}
