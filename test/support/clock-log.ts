import { runInDurableObject } from "cloudflare:test";
import type { LogFields } from "../../src/log.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import type { LogDeps } from "../../src/topic-log/deps.ts";
import { Log } from "../../src/topic-log/log.ts";
import { newTopic } from "./objects.ts";

/** A log over the object's real storage, with a clock of the test and without the object's own wiring. */
export async function withLog<T>(
  run: (log: Log, clock: { now: number }, alarms: number[], lines: LogFields[], delays: number[]) => Promise<T>,
): Promise<T> {
  const { stub } = await newTopic();
  return runInDurableObject(stub, (_, state) => {
    const clock = { now: Date.now() };
    const alarms: number[] = [];
    const lines: LogFields[] = [];
    const delays: number[] = [];
    const deps: LogDeps = {
      sql: durableSql(state.storage),
      topic: "orders",
      partition: 0,
      now: () => clock.now,
      newTag: () => 1,
      defer: (flush, milliseconds) => {
        delays.push(milliseconds);
        queueMicrotask(flush);
      },
      alarm: (at) => alarms.push(at),
      background: () => undefined,
      wake: async () => ({ mode: "push", incarnation: 0 }),
      expire: async () => undefined,
      expiring: async () => undefined,
      erased: async () => undefined,
      publish: async () => undefined,
      removeSubscription: async () => undefined,
      log: (_, fields) => lines.push(fields),
    };
    return run(new Log(deps, null), clock, alarms, lines, delays);
  });
}
