import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Received } from "./subscriber.ts";

export interface Load {
  readonly topic: string;
  readonly events: number;
  readonly perSecond: number;
}

/** Milliseconds, of which 99 of 100 events took no more. */
export interface Latency {
  /** From the publish to its acknowledgement. */
  readonly acknowledged: number;
  /** From the publish to its request at the subscriber. */
  readonly received: number;
}

/**
 * Publishes at a steady rate, whatever the answers take, and measures until every event is there. `arrival` resolves
 * with an event's request at the subscriber that is measured.
 */
export async function measure(
  client: Client,
  { topic, events, perSecond }: Load,
  arrival: (eventId: string) => Promise<Received | undefined>,
): Promise<Latency> {
  const begun = performance.now();
  const latencies = Array.from({ length: events }, async (_, n) => {
    await pause(Math.max(0, (n * 1000) / perSecond - (performance.now() - begun)));
    const at = Date.now();
    const { id } = await client.publish(topic, { type: "load.event", data: n });
    const acknowledged = Date.now() - at;
    const request = await arrival(id);
    if (request === undefined) throw new Error(`${id} did not arrive`);
    return { acknowledged, received: request.at - at };
  });
  const all = await Promise.all(latencies);
  return {
    acknowledged: percentile99(all.map((one) => one.acknowledged)),
    received: percentile99(all.map((one) => one.received)),
  };
}

function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
