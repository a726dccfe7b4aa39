import type { LogEvent } from "../../src/core/event.ts";
import { SENDS_PER_DELIVERER_MAX } from "../../src/core/limits.ts";
import type { Part, Send } from "../../src/subscription/rpc.ts";

const EVENT: LogEvent = {
  id: "evt_01hzy7k8m90000000001000000000001",
  type: "order.paid",
  key: null,
  time: "2026-11-23T10:00:00.000Z",
  source: null,
  subject: null,
  correlationId: null,
  causationId: null,
  cloudEvent: null,
  headers: null,
  contentType: "application/json",
  hops: 0,
  data: new TextEncoder().encode('{"amount":1.0}'),
  partition: 0,
  offset: 1,
  receivedAt: Date.UTC(2026, 10, 23, 10),
};

/** A first send of an event that differs from the usual one as said. */
export const sendOf = (event: Partial<LogEvent> = {}, send: Partial<Send> = {}): Send => ({
  lease: 1,
  event: { ...EVENT, ...event },
  previous: 0,
  attempt: 1,
  attemptId: "att_01hzy7k8m90000000000000000",
  trigger: "fan-out",
  startAt: 0,
  batch: null,
  ...send,
});

/** A part with those sends for a subscription whose secrets and headers are still encrypted. */
export const partOf = (
  sends: readonly Send[],
  part: Partial<Part> = {},
  target: Partial<Part["target"]> = {},
): Part => ({
  deliverer: 1,
  subscription: "default/sub_1",
  leasedAt: 0,
  places: SENDS_PER_DELIVERER_MAX,
  target: {
    id: "sub_1",
    tenant: "default",
    topic: "orders",
    url: "http://localhost:3000/hook",
    format: "standard",
    headers: {},
    timeoutSeconds: 15,
    secrets: [],
    ...target,
  },
  sends,
  ...part,
});
