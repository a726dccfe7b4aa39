import type { Checker, Standing } from "../evidence.ts";
import type { Journal, RequestRecord } from "../journal.ts";

/** How late a retry may start after it is due: with its message, and when the queue has lost it (DESIGN rule 1). */
const WITH_QUEUE_MS = 2000;
const WITHOUT_QUEUE_MS = 6000;

/** Liveness, where nothing but the queue goes wrong: what is due starts in time. */
export const liveness: Checker = {
  invariant: "liveness",
  check({ journal, standing, weather }, violation) {
    if (weather !== "calm" && weather !== "lossy-queue") return 0;
    let checks = 0;
    for (const one of standing.values()) {
      if (!undisturbed(journal, one)) continue;
      for (const delivery of one.deliveries) {
        const requests = journal.requests.filter(
          ({ send, part }) => part.target.id === one.record.config.id && send.event.id === delivery.eventId,
        );
        requests.forEach((request, index) => {
          const before = requests[index - 1];
          if (before?.result == null || before.result.kind === "unsent") return;
          const due = dueAfter(one, before, index);
          if (due === null) return;
          checks += 1;
          const late = request.started.at - due;
          const most = weather === "calm" ? WITH_QUEUE_MS : WITHOUT_QUEUE_MS;
          if (late > most) violation(`${one.record.config.id}: retry of ${delivery.offset} started ${late} ms late`);
        });
      }
    }
    return checks;
  },
};

/** Nobody stopped or changed it, it was never on hold, and there was room for every retry at its time. */
function undisturbed({ requests }: Journal, { record }: Standing): boolean {
  const { config, stops, resumes, orderings } = record;
  if (stops.length + resumes.length > 0 || orderings.length > 1 || config.ordering === "topic") return false;
  if (config.retry.holdAfterFailures !== null || config.concurrency < 10) return false;
  return requests.every(({ part, answer, result }) => {
    if (part.target.id !== config.id) return true;
    return answer !== null && result?.kind === "answered" && answer.status !== 429 && answer.status !== 410;
  });
}

function dueAfter({ record }: Standing, before: RequestRecord, failures: number): number | null {
  const { scheduleSeconds } = record.config.retry;
  const seconds = scheduleSeconds[failures - 1];
  if (seconds === undefined || before.result?.kind !== "answered" || record.retries.length > 0) return null;
  return before.result.startedAt + before.result.durationMilliseconds + seconds * 1000;
}
