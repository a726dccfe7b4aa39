import type { Bug } from "../bug.ts";
import { ackBeforeCommit, fanOutForgotten, fanOutTwice, idempotencyInMemory } from "./log-bugs.ts";
import {
  cursorPastHole,
  interruptedOnConstruction,
  keyForgotten,
  noBarrier,
  outboxForgets,
  retryOnlyInQueue,
  rowAfterAnswer,
} from "./subscription-bugs.ts";

interface PlantedBug {
  readonly name: string;
  readonly bug: Bug;
  /** The invariants of which one must catch it. */
  readonly caughtBy: readonly string[];
  /** Where the search for a schedule that shows it begins: those before it do not, and take their time. */
  readonly from?: number;
}

export const BUGS: readonly PlantedBug[] = [
  { name: "ack before commit", bug: ackBeforeCommit, caughtBy: ["1 durable ack"] },
  { name: "idempotency in memory", bug: idempotencyInMemory, caughtBy: ["4 idempotency"] },
  { name: "fan-out forgotten on crash", bug: fanOutForgotten, caughtBy: ["5 conservation"], from: 60 },
  { name: "fan-out twice on a repeated alarm", bug: fanOutTwice, caughtBy: ["10 retries"] },
  { name: "retry only in the queue", bug: retryOnlyInQueue, caughtBy: ["5 conservation", "liveness"], from: 60 },
  { name: "attempt row only after the answer", bug: rowAfterAnswer, caughtBy: ["9 attempt log"] },
  { name: "delivery after unsubscribe or pause", bug: noBarrier, caughtBy: ["8 barrier"], from: 140 },
  { name: "cursor past a hole", bug: cursorPastHole, caughtBy: ["5 conservation"] },
  { name: "interrupted on construction", bug: interruptedOnConstruction, caughtBy: ["10 retries"] },
  { name: "key order forgotten by a restart", bug: keyForgotten, caughtBy: ["7 key order"] },
  { name: "outbox row gone before it is acknowledged", bug: outboxForgets, caughtBy: ["5 conservation"] },
];
