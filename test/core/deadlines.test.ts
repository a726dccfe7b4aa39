import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Deadlines } from "../../src/delivery/deadlines.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const deadlines = () => new Deadlines(() => Date.now());
const aborted = (...all: readonly { readonly controller: AbortController }[]) =>
  all.map(({ controller }) => controller.signal.aborted);

describe("deadlines", () => {
  it("abort each request at its time and none before, also one that began later and ends earlier", () => {
    const own = deadlines();
    const long = own.open(300);
    vi.advanceTimersByTime(50);
    const short = own.open(100);
    const middle = own.open(200);
    vi.advanceTimersByTime(99);
    expect(aborted(short, middle, long)).toEqual([false, false, false]);
    vi.advanceTimersByTime(1);
    expect(aborted(short, middle, long)).toEqual([true, false, false]);
    vi.advanceTimersByTime(100);
    expect(aborted(middle, long)).toEqual([true, false]);
    vi.advanceTimersByTime(50);
    expect(aborted(long)).toEqual([true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("have one timer for all, and none when nothing is under way", () => {
    const own = deadlines();
    const all = Array.from({ length: 50 }, () => own.open(1000));
    expect(vi.getTimerCount()).toBe(1);
    for (const one of all) own.end(one);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2000);
    expect(aborted(...all)).not.toContain(true);
  });

  it("that were met do not end those that go on", () => {
    const own = deadlines();
    const first = own.open(100);
    vi.advanceTimersByTime(60);
    const second = own.open(100);
    own.end(first);
    vi.advanceTimersByTime(99);
    expect(aborted(first, second)).toEqual([false, false]);
    vi.advanceTimersByTime(1);
    expect(aborted(first, second)).toEqual([false, true]);
  });
});
