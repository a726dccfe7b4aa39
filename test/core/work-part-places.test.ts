import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type WorkDeps, workPart } from "../../src/delivery/work-part.ts";
import type { SendResult } from "../../src/subscription/rpc.ts";
import { deliverer, ended, nothingMore, sendsOf } from "../support/deliverer.ts";
import { partOf } from "../support/send.ts";

describe("a part with more sends than places", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("has no more under way than its places, beside what was under way before", async () => {
    const { deps, started } = deliverer(() => 20, nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3, 4, 5), { places: 2 }), deps));
    expect(started).toEqual([
      [1, 0],
      [2, 0],
      [3, 20],
      [4, 20],
      [5, 40],
    ]);
    const slow = partOf(sendsOf(11, 12, 13), { places: 1, leasedAt: 200 });
    const more = deliverer(
      (offset) => (offset === 1 ? 1000 : 20),
      async (_, call) => (call === 1 ? slow : null),
    );
    vi.setSystemTime(0);
    await ended(workPart(partOf(sendsOf(1, 2), { places: 2 }), more.deps));
    // Reported at the end of the linger: one is under way still, and one place is given.
    expect(more.started.filter(([offset]) => offset > 10).map(([, at]) => at)).toEqual([120, 140, 160]);
  });

  it("does not begin what has waited for a place until the barrier, and wants nothing while something waits", async () => {
    const { deps, started, reports } = deliverer((offset) => (offset === 1 ? 20 : 3000), nothingMore);
    await ended(workPart(partOf(sendsOf(1, 2, 3, 4), { places: 2 }), deps));
    expect(started.map(([offset]) => offset)).toEqual([1, 2, 3]);
    expect(reports).toMatchObject([
      { at: 120, settled: [1], unsent: [], wants: 0 },
      { settled: [], unsent: [4], wants: 4 },
      { settled: [2, 3], wants: 6 },
    ]);
  });

  it.each([429, 503, 410])(
    "begins nothing that waits after a %i: the subscription decides anew",
    async (statusCode) => {
      const { deps, started, reports } = deliverer(() => 20, nothingMore);
      const refusing: WorkDeps = {
        ...deps,
        send: async (send, part) => ({ ...(await deps.send(send, part)), statusCode }) as SendResult,
      };
      await ended(workPart(partOf(sendsOf(1, 2, 3, 4), { places: 2 }), refusing));
      expect(started.map(([offset]) => offset)).toEqual([1, 2]);
      expect(reports).toMatchObject([{ settled: [1, 2], unsent: [3, 4] }]);
    },
  );
});
