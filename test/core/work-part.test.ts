import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  DELIVERER_LIFE_MS,
  LEASE_GRACE_MS,
  REPORT_LINGER_MS,
  REPORT_TRIES_MAX,
  SEND_START_MAX_MS,
  SENDS_PER_DELIVERER_MAX,
} from "../../src/core/limits.ts";
import { type WorkDeps, workPart } from "../../src/delivery/work-part.ts";
import { deliverer, ended, nothingMore, pacedSends, sendsOf } from "../support/deliverer.ts";
import { partOf, sendOf } from "../support/send.ts";

describe("working on a part", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends all at once and reports them together", async () => {
    const { deps, started, reports } = deliverer((offset) => offset * 10, nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3), { deliverer: 77 }), deps));
    expect(started).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    expect(reports).toEqual([{ at: 30, settled: [1, 2, 3], unsent: [], wants: 6, deliverer: 77 }]);
  });

  it("reports the quick ones after the linger and the slow one by itself", async () => {
    const { deps, reports } = deliverer((offset) => (offset === 3 ? 5000 : 20), nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3)), deps));
    expect(reports).toMatchObject([
      { at: 20 + REPORT_LINGER_MS, settled: [1, 2], wants: 5 },
      { at: 5000, settled: [3], wants: 6 },
    ]);
  });

  it("lingers anew for what completes after a report", async () => {
    const times: Record<number, number> = { 1: 20, 2: 200, 3: 250, 4: 1000 };
    const { deps, reports } = deliverer((offset) => times[offset] ?? 0, nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3, 4)), deps));
    expect(reports).toMatchObject([
      { at: 120, settled: [1] },
      { at: 300, settled: [2, 3] },
      { at: 1000, settled: [4] },
    ]);
  });

  it("lingers for what completes while a report is under way", async () => {
    const { deps, reports } = deliverer(
      (offset) => (offset === 1 ? 10 : offset === 2 ? 150 : 1000),
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return null;
      },
    );
    await ended(workPart(partOf(sendsOf(1, 2, 3)), deps));
    expect(reports).toMatchObject([
      { at: 110, settled: [1] },
      { at: 250, settled: [2] },
      { at: 1000, settled: [3] },
    ]);
  });

  it("does not cut a linger short by one that a report made pointless", async () => {
    const { deps, reports } = deliverer(
      (offset) => offset,
      async (_, call) => (call === 1 ? partOf(sendsOf(70, 1000), { leasedAt: Date.now() }) : null),
    );
    await ended(workPart(partOf(sendsOf(10, 20)), deps));
    expect(reports).toMatchObject([
      { at: 20, settled: [10, 20] },
      { at: 20 + 70 + REPORT_LINGER_MS, settled: [70] },
      { at: 1020, settled: [1000] },
    ]);
  });

  it("takes on the part a report answers with, beside the sends still under way", async () => {
    const { deps, started, reports } = deliverer(
      (offset) => (offset === 1 ? 3000 : 20),
      async (_, call) => (call <= 2 ? partOf(sendsOf(call * 10), { leasedAt: Date.now() }) : null),
    );
    await ended(workPart(partOf(sendsOf(1, 2)), deps));
    expect(started).toEqual([
      [1, 0],
      [2, 0],
      [10, 120],
      [20, 240],
    ]);
    expect(reports).toMatchObject([
      { settled: [2], wants: 5 },
      { settled: [10], wants: 5 },
      { settled: [20], wants: 5 },
      { at: 3000, settled: [1], wants: 6 },
    ]);
  });

  it(`O08 never has more than ${SENDS_PER_DELIVERER_MAX} under way; the others wait for a place, and all are reported together`, async () => {
    const { deps, started, reports } = deliverer(() => 20, nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3, 4, 5, 6, 7, 8)), deps));
    expect(started.map(([, at]) => at)).toEqual([0, 0, 0, 0, 0, 0, 20, 20]);
    expect(reports).toMatchObject([{ at: 40, settled: [1, 2, 3, 4, 5, 6, 7, 8], unsent: [], wants: 6 }]);
  });

  it("keeps the barrier: starts a send up to 250 ms after its lease and none later", async () => {
    const arrivingAfter = async (milliseconds: number) => {
      const { deps, started, reports } = deliverer(() => 20, nothingMore);
      const work = workPart(partOf(sendsOf(1, 2), { leasedAt: Date.now() - milliseconds }), deps);
      await ended(work);
      return { started: started.length, unsent: reports.flatMap(({ unsent }) => unsent) };
    };
    expect(await arrivingAfter(SEND_START_MAX_MS)).toEqual({ started: 2, unsent: [] });
    expect(await arrivingAfter(SEND_START_MAX_MS + 1)).toEqual({ started: 0, unsent: [1, 2] });
  });

  it("keeps the barrier for a part that a slow report brought", async () => {
    const { deps, started, reports } = deliverer(
      () => 20,
      async (_, call) => {
        if (call > 1) return null;
        const part = partOf(sendsOf(9), { leasedAt: Date.now() });
        await deps.sleep(SEND_START_MAX_MS + 50);
        return part;
      },
    );
    await ended(workPart(partOf(sendsOf(1)), deps));
    expect(started).toEqual([[1, 0]]);
    expect(reports).toMatchObject([{ settled: [1] }, { unsent: [9] }]);
  });

  it("starts each send at its time, and reports what is done while others wait", async () => {
    const { deps, started, reports } = deliverer(() => 20, nothingMore);
    const sends = pacedSends([0, 50, 200]);
    await ended(workPart(partOf(sends), deps));
    expect(started).toEqual([
      [1, 0],
      [2, 50],
      [3, 200],
    ]);
    expect(reports).toMatchObject([
      { at: 120, settled: [1, 2], wants: 5 },
      { at: 220, settled: [3], wants: 6 },
    ]);
  });

  it("counts what waits for its time as under way", async () => {
    const { deps, started, reports } = deliverer(
      () => 5,
      async (_, call) => (call === 1 ? partOf(pacedSends([0, 0, 0], 20), { leasedAt: 0 }) : null),
    );
    await ended(workPart(partOf(pacedSends([0, 240, 240, 240])), deps));
    expect(reports[0]).toMatchObject({ at: 105, settled: [1], wants: 3 });
    expect(started).toHaveLength(7);
  });

  it("keeps sends of a part that came late as far apart as they were leased, and the barrier", async () => {
    const { deps, started, reports } = deliverer(() => 15, nothingMore);
    const work = workPart(partOf(pacedSends([-100, -60, -20, 20, 60]), { leasedAt: -100 }), deps);
    await ended(work);
    expect(started).toEqual([
      [1, 0],
      [2, 40],
      [3, 80],
      [4, 120],
    ]);
    // Said at once: it needs no place.
    expect(reports).toMatchObject([
      { at: 100, settled: [1, 2, 3], unsent: [5], wants: 5 },
      { at: 135, settled: [4], unsent: [], wants: 6 },
    ]);
  });

  it("starts nothing a part of a millisecond early", async () => {
    const { deps, started } = deliverer(() => 15, nothingMore);
    await ended(workPart(partOf(pacedSends([0, 100 / 3, 200 / 3])), deps));
    expect(started).toEqual([
      [1, 0],
      [2, 34],
      [3, 67],
    ]);
  });

  it("starts nothing that slept past the barrier", async () => {
    const { deps, started, reports } = deliverer(() => 20, nothingMore);
    const oversleeping: WorkDeps = { ...deps, sleep: (milliseconds) => deps.sleep(milliseconds * 2) };
    await ended(workPart(partOf(pacedSends([0, 125, 126])), oversleeping));
    expect(started.map(([offset]) => offset)).toEqual([1, 2]);
    expect(reports.flatMap(({ unsent }) => unsent)).toEqual([3]);
  });

  it("keeps spacing and barrier whatever the gaps and however late a part comes", async () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: SENDS_PER_DELIVERER_MAX });
    await fc.assert(
      fc.asyncProperty(gaps, fc.integer({ min: 0, max: 400 }), async (apart, lateBy) => {
        vi.setSystemTime(0);
        const { deps, started, reports } = deliverer(() => 20, nothingMore);
        const leasedAt = -lateBy;
        const leased = apart.map((_, index) => leasedAt + apart.slice(0, index).reduce((sum, gap) => sum + gap, 0));
        await ended(workPart(partOf(pacedSends(leased), { leasedAt }), deps));
        const unsent = reports.flatMap((report) => report.unsent);
        expect([...started.map(([offset]) => offset), ...unsent].sort()).toEqual(leased.map((_, index) => index + 1));
        for (const [index, [offset, at]] of started.entries()) {
          const startAt = leased[offset - 1] ?? Number.NaN;
          expect(at).toBeGreaterThanOrEqual(startAt);
          expect(at).toBeLessThanOrEqual(leasedAt + SEND_START_MAX_MS);
          const [before, beforeAt] = started[index - 1] ?? [offset, at];
          expect(at - beforeAt).toBeGreaterThanOrEqual(startAt - (leased[before - 1] ?? Number.NaN));
        }
        // Nothing is left out that could have gone at its time.
        const possible = leased.filter((startAt) => startAt + lateBy <= leasedAt + SEND_START_MAX_MS).length;
        expect(started).toHaveLength(possible);
      }),
    );
  });

  it("names a batch in its report by the first event", async () => {
    const { deps, started, reports } = deliverer(() => 20, nothingMore);
    const [first] = sendsOf(4);
    if (first === undefined) throw new Error("there is a first");
    const events = [first.event, sendOf({ offset: 9 }).event];
    await ended(workPart(partOf([{ ...first, batch: { id: "bat_1", events } }]), deps));
    expect(started).toEqual([[4, 0]]);
    expect(reports).toMatchObject([{ settled: [4], wants: 6 }]);
  });

  it("wants no more once a send could outlive the invocation", async () => {
    const timeoutSeconds = 15;
    const lastChance = DELIVERER_LIFE_MS - LEASE_GRACE_MS - timeoutSeconds * 1000;
    const { deps, started, reports } = deliverer(
      () => 500,
      async (report) => (report.wants === 0 ? null : partOf(sendsOf(1), { leasedAt: Date.now() }, { timeoutSeconds })),
    );
    const endedAt = await ended(workPart(partOf(sendsOf(1), {}, { timeoutSeconds }), deps));
    expect(reports.filter(({ at }) => at <= lastChance).every(({ wants }) => wants === 6)).toBe(true);
    expect(reports.filter(({ at }) => at > lastChance)).toMatchObject([{ wants: 0 }]);
    expect(Math.max(...started.map(([, at]) => at))).toBeLessThanOrEqual(lastChance);
    expect(endedAt).toBeLessThan(DELIVERER_LIFE_MS);
  });

  it("does a single part where the timeout takes all of its life", async () => {
    const { deps, reports } = deliverer(() => 20, nothingMore);
    await ended(workPart(partOf(sendsOf(1), {}, { timeoutSeconds: 25 }), deps));
    expect(reports).toMatchObject([{ settled: [1], wants: 0 }]);
  });

  it("judges by the newest part's timeout", async () => {
    const { deps, reports } = deliverer(
      () => 1000,
      async (_, call) => (call === 1 ? partOf(sendsOf(2), { leasedAt: Date.now() }, { timeoutSeconds: 25 }) : null),
    );
    await ended(workPart(partOf(sendsOf(1), {}, { timeoutSeconds: 1 }), deps));
    expect(reports).toMatchObject([{ wants: 6 }, { wants: 0 }]);
  });

  it("sends a report that failed again, with what was done in the meantime", async () => {
    const { deps, reports, givenUp } = deliverer(
      (offset) => (offset === 1 ? 10 : 150),
      async (_, call) => {
        if (call === 1) throw new Error("the object was reset");
        return null;
      },
    );
    await ended(workPart(partOf(sendsOf(1, 2)), deps));
    expect(reports).toMatchObject([
      { at: 110, settled: [1] },
      { at: 210, settled: [1, 2] },
    ]);
    expect(reports).toHaveLength(2);
    expect(givenUp).toEqual([]);
  });

  it("gives up a report that keeps failing, within the grace of the lease", async () => {
    const { deps, reports, givenUp } = deliverer(
      () => 20,
      () => Promise.reject(new Error("down")),
    );
    const endedAt = await ended(workPart(partOf(sendsOf(1)), deps));
    expect(reports).toHaveLength(REPORT_TRIES_MAX);
    expect(givenUp).toEqual([1]);
    expect(endedAt).toBeLessThan(20 + LEASE_GRACE_MS);
  });

  it("reports what was given up together with what completes later", async () => {
    const { deps, reports, givenUp } = deliverer(
      (offset) => (offset === 1 ? 20 : 10_000),
      async () => {
        if (Date.now() < 4000) throw new Error("down");
        return null;
      },
    );
    await ended(workPart(partOf(sendsOf(1, 2)), deps));
    expect(givenUp).toEqual([1]);
    expect(reports.at(-1)).toMatchObject({ at: 10_000, settled: [2] });
    expect(reports.flatMap(({ at, settled }) => (at >= 4000 ? settled : []))).toEqual([1, 2]);
  });
});
