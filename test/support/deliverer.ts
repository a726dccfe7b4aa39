import { vi } from "vitest";
import type { WorkDeps } from "../../src/delivery/work-part.ts";
import type { Part, Report, Send, SendResult } from "../../src/subscription/rpc.ts";
import { sendOf } from "./send.ts";

/** Sends of events with these offsets. */
export const sendsOf = (...offsets: number[]): Send[] =>
  offsets.map((offset) => sendOf({ offset }, { lease: offset, attemptId: `att_${offset}` }));

/** Sends of events 1, 2, ... (or of later ones), each not before its time. */
export const pacedSends = (times: readonly number[], firstOffset = 1): Send[] =>
  times.map((startAt, index) => {
    const offset = firstOffset + index;
    return sendOf({ offset }, { lease: offset, attemptId: `att_${offset}`, startAt });
  });

export const answered = (send: Send, startedAt: number): SendResult => ({
  lease: send.lease,
  offset: send.event.offset,
  attemptId: send.attemptId,
  kind: "answered",
  startedAt,
  durationMilliseconds: Date.now() - startedAt,
  statusCode: 200,
  error: null,
  bodyBytes: 0,
  response: { headers: {}, body: "", truncated: false },
  retryAfterMilliseconds: null,
  instruction: null,
});

/**
 * A deliverer on a virtual clock, which begins at 0: a send takes the milliseconds that `takes` says for its offset.
 * What it did is in `started` and `reports`.
 */
export function deliverer(
  takes: (offset: number) => number,
  answer: (report: Report, call: number) => Promise<Part | null>,
) {
  const started: [offset: number, at: number][] = [];
  const reports: { at: number; settled: number[]; unsent: number[]; wants: number; deliverer: number }[] = [];
  const givenUp: number[] = [];
  let calls = 0;
  const deps: WorkDeps = {
    send: async (send) => {
      const startedAt = Date.now();
      started.push([send.event.offset, startedAt]);
      await deps.sleep(takes(send.event.offset));
      return answered(send, startedAt);
    },
    report: (_, report) => {
      const offsets = (unsent: boolean) =>
        report.results.filter(({ kind }) => (kind === "unsent") === unsent).map(({ offset }) => offset);
      reports.push({
        at: Date.now(),
        settled: offsets(false),
        unsent: offsets(true),
        wants: report.wants,
        deliverer: report.deliverer,
      });
      return answer(report, ++calls);
    },
    reportGivenUp: (_, results) => givenUp.push(results),
    now: () => Date.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
  return { started, reports, givenUp, deps };
}

export async function ended(work: Promise<void>): Promise<number> {
  let endedAt: number | null = null;
  void work.then(() => {
    endedAt = Date.now();
  });
  for (let at = 0; at < 120_000 && endedAt === null; at += 10) await vi.advanceTimersByTimeAsync(10);
  if (endedAt === null) throw new Error("the deliverer never ended");
  return endedAt;
}

export const nothingMore = () => Promise.resolve(null);
