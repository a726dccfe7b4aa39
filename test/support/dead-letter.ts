import type { DeadLetter } from "../../src/directory/rpc.ts";

/** A dead letter of subscription `sub_a`, with whatever a test cares about changed. */
export const deadLetter = (more: Partial<DeadLetter> = {}): DeadLetter => ({
  eventId: "evt_1",
  topic: "orders",
  partition: 0,
  offset: 1,
  type: "order.created",
  key: null,
  subscription: "sub_a",
  url: "https://example.com/hook",
  reason: "exhausted",
  attempts: 3,
  deadAt: Date.UTC(2026, 10, 22),
  lastAttempt: {
    startedAt: Date.UTC(2026, 10, 22) - 10,
    statusCode: 500,
    error: { code: "status", message: "The subscriber answered 500." },
  },
  ...more,
});
