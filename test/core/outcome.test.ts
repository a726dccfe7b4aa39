import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AttemptFacts,
  interruptionIsFailure,
  outcomeOf,
  probeDelayMs,
  type RetryBudget,
} from "../../src/core/outcome.ts";

const failed = (more: Partial<AttemptFacts> = {}): AttemptFacts => ({
  success: false,
  statusCode: 500,
  retryAfterMilliseconds: null,
  instruction: null,
  ...more,
});

const budget = (more: Partial<RetryBudget> = {}): RetryBudget => ({
  scheduleSeconds: [5, 10],
  jitter: 0,
  onExhausted: "continue",
  failures: 0,
  failing: false,
  chance: 0.5,
  ...more,
});

describe("outcome of an attempt", () => {
  it("a success delivers, whatever came before", () => {
    expect(outcomeOf(failed({ success: true, statusCode: 200 }), budget({ failures: 9 }))).toEqual({
      kind: "delivered",
    });
  });

  it("a failure is tried again by the schedule, until the schedule ends", () => {
    expect(outcomeOf(failed(), budget())).toEqual({ kind: "retry", afterMilliseconds: 5000, failures: 1 });
    expect(outcomeOf(failed(), budget({ failures: 1 }))).toEqual({
      kind: "retry",
      afterMilliseconds: 10_000,
      failures: 2,
    });
    expect(outcomeOf(failed(), budget({ failures: 2 }))).toEqual({ kind: "dead", reason: "exhausted" });
  });

  it("an empty schedule means one attempt", () => {
    expect(outcomeOf(failed(), budget({ scheduleSeconds: [] }))).toEqual({ kind: "dead", reason: "exhausted" });
  });

  it("exhausted with hold-key: waits for a person", () => {
    const outcome = outcomeOf(failed(), budget({ failures: 2, onExhausted: "hold-key" }));
    expect(outcome).toEqual({ kind: "held", exhausted: true, disable: null });
  });

  it("Retry-After is honoured if it is later than the schedule", () => {
    const asked = (retryAfterMilliseconds: number) => outcomeOf(failed({ retryAfterMilliseconds }), budget());
    expect(asked(1000)).toMatchObject({ afterMilliseconds: 5000 });
    expect(asked(60_000)).toMatchObject({ afterMilliseconds: 60_000 });
  });

  it("410 and webhook-delivery disable the subscription and keep the event", () => {
    expect(outcomeOf(failed({ statusCode: 410 }), budget())).toMatchObject({ kind: "held", disable: "gone" });
    expect(outcomeOf(failed({ instruction: "disable" }), budget())).toMatchObject({
      kind: "held",
      disable: "requested",
    });
  });

  it("abort-message ends the event at once", () => {
    expect(outcomeOf(failed({ instruction: "abort-message" }), budget())).toEqual({ kind: "dead", reason: "aborted" });
  });

  it("on hold, failures cost nothing", () => {
    expect(outcomeOf(failed(), budget({ failing: true, failures: 2 }))).toEqual({
      kind: "held",
      exhausted: false,
      disable: null,
    });
  });

  it("never more attempts than the schedule has entries, and one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(86_400), { maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (scheduleSeconds, chance) => {
          let failures = 0;
          let attempts = 0;
          for (;;) {
            attempts += 1;
            const outcome = outcomeOf(failed(), budget({ scheduleSeconds, jitter: 0.2, failures, chance }));
            if (outcome.kind !== "retry") break;
            expect(outcome.afterMilliseconds).toBeGreaterThanOrEqual(0);
            failures = outcome.failures;
          }
          expect(attempts).toBe(scheduleSeconds.length + 1);
        },
      ),
    );
  });
});

describe("probes and interruptions", () => {
  it("probes after 5 s, doubling to 60 s, later if asked to", () => {
    expect([0, 1, 2, 3, 4, 50].map((probes) => probeDelayMs(probes, null))).toEqual([
      5000, 10_000, 20_000, 40_000, 60_000, 60_000,
    ]);
    expect(probeDelayMs(0, 90_000)).toBe(90_000);
  });

  it("the fifth interruption in a row counts as a failure", () => {
    expect([1, 4, 5].map(interruptionIsFailure)).toEqual([false, false, true]);
  });
});
