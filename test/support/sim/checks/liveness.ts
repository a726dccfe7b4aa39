import type { Checker, Standing } from "../evidence.ts";
import type { Journal, RequestRecord } from "../journal.ts";

/** How late a retry may start after it is due: with its message, and when the queue has lost it (DESIGN rule 1). */
const WITH_QUEUE_MS = 2000;
const WITHOUT_QUEUE_MS = 6000;

/** A first attempt after its event was acknowledged, where no other event stands in its way. */
const FIRST_MS = 1000;

/** Liveness, where nothing but the queue goes wrong: what is due starts in time. */
export const liveness: Checker = {
  invariant: "liveness",
  check({ journal, standing, weather }, violation) {
    if (weather !== "calm" && weather !== "lossy-queue") return 0;
    const acknowledged = acknowledgements(journal);
    let checks = 0;
    for (const one of standing.values()) {
      const { id } = one.record.config;
      if (!undisturbed(journal, one)) continue;
      const byEvent = Map.groupBy(
        journal.requests.filter(({ part }) => part.target.id === id),
        ({ send }) => send.event.offset,
      );
      for (const [offset, requests] of byEvent) {
        for (const [index, request] of requests.entries()) {
          const due = index === 0 ? firstDue(one, request, acknowledged.get(offset)) : retryDue(one, requests, index);
          if (due === null) continue;
          checks += 1;
          const late = request.started.at - due;
          const most = index === 0 ? FIRST_MS : weather === "calm" ? WITH_QUEUE_MS : WITHOUT_QUEUE_MS;
          if (late > most) violation(`${id}: attempt ${index + 1} of ${offset} started ${late} ms late`);
        }
      }
    }
    return checks;
  },
};

/** Offset → when its publish was answered. */
function acknowledgements({ posts }: Journal): Map<number, number> {
  const moments = new Map<number, number>();
  for (const { answered } of posts.flatMap(({ tries }) => tries)) {
    if (!answered?.value.ok) continue;
    for (const { offset } of answered.value.value) if (!moments.has(offset)) moments.set(offset, answered.at);
  }
  return moments;
}

/** Nobody stopped or changed it, it was never on hold, and there was room for every retry at its time. */
function undisturbed({ requests }: Journal, { record }: Standing): boolean {
  const { config, stops, resumes, orderings, filters } = record;
  if (stops.length + resumes.length > 0 || config.ordering === "topic") return false;
  if (orderings.length > 1 || filters.length > 1) return false;
  if (config.retry.holdAfterFailures !== null || config.concurrency < 10) return false;
  return requests.every(({ part, answer, result }) => {
    if (part.target.id !== config.id) return true;
    return answer !== null && result?.kind === "answered" && answer.status !== 429 && answer.status !== 410;
  });
}

function firstDue({ record }: Standing, { send }: RequestRecord, acknowledgedAt: number | undefined): number | null {
  const created = record.creation.answered;
  const alone = record.config.ordering === "none" || send.event.key === null;
  if (created === null || acknowledgedAt === undefined || !alone) return null;
  return Math.max(created.at, acknowledgedAt);
}

function retryDue({ record }: Standing, requests: readonly RequestRecord[], index: number): number | null {
  const before = requests[index - 1]?.result;
  const seconds = record.config.retry.scheduleSeconds[index - 1];
  if (seconds === undefined || before?.kind !== "answered" || record.retries.length > 0) return null;
  return before.startedAt + before.durationMilliseconds + seconds * 1000;
}
