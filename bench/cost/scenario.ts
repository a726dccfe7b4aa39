import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Bench } from "../lib/bench.ts";
import { EVENT, type Gateway } from "../lib/gateway.ts";
import { difference, type Tally } from "./counts.ts";

export const COUNTING_ENTRY = "bench/cost/worker.ts";

export interface Scenario {
  readonly subscriptions: number;
  /** Alone: one event, then quiet until every alarm has gone off. Load: 32 clients, as fast as they can. */
  readonly traffic: "alone" | "load";
  readonly keys: boolean;
  /** Of deliveries, those whose first attempt fails. */
  readonly retryShare: number;
  readonly ordering?: "key" | "topic" | "none";
}

export interface Sizes {
  readonly events: number;
  /** How long after the last delivery what is left to be done is waited for. */
  readonly settleMilliseconds: number;
  readonly timeoutSeconds: number;
}

const CLIENTS = 32;
const RETRY_SECONDS = 2;
/** So many deliveries at least make a scenario without load: of one event each in topics side by side. */
const ALONE_DELIVERIES = 20;
let made = 0;

/** What the events of a scenario, and their deliveries, came to; up to the last delivery, and with all that follows. */
export async function counted(
  bench: Bench,
  gateway: Gateway,
  scenario: Scenario,
  sizes: Sizes,
): Promise<{
  readonly events: number;
  readonly atDelivery: Tally;
  readonly settled: Tally;
}> {
  made += 1;
  const tenant = `bill-${made}`;
  const one = gateway.ofTenant(tenant);
  const channel = `/${tenant}`;
  const { subscriptions } = scenario;
  const topics = await Promise.all(
    Array.from({ length: scenario.traffic === "alone" ? Math.ceil(ALONE_DELIVERIES / subscriptions) : 1 }, () =>
      one.createTopic(),
    ),
  );
  for (const topic of topics) {
    await one.subscribeMany(subscriptions, () => [
      topic,
      bench.subscriber.url(channel),
      {
        timeoutSeconds: sizes.timeoutSeconds,
        ordering: scenario.ordering ?? "key",
        retry: { scheduleSeconds: [RETRY_SECONDS, RETRY_SECONDS, RETRY_SECONDS] },
      },
    ]);
  }
  const headers = () => (scenario.keys ? { "idempotency-key": randomUUID() } : {});
  // The first event of a topic and of a subscription makes tables: once in their lives, or in six hours.
  await bench.subscriber.ask({ kind: "clear", channel });
  for (const topic of topics) await one.call("POST", `/v1/topics/${topic}/events`, EVENT, headers());
  await bench.subscriber.ask({ kind: "until", channel, events: topics.length * subscriptions });
  await pause(sizes.settleMilliseconds);
  await bench.subscriber.ask({ kind: "clear", channel, failShare: scenario.retryShare });

  const before = await one.tally();
  const events = scenario.traffic === "alone" ? topics.length : sizes.events;
  if (scenario.traffic === "alone") {
    await Promise.all(topics.map((topic) => one.call("POST", `/v1/topics/${topic}/events`, EVENT, headers())));
  } else {
    const answer = await bench.load.ask({
      kind: "blast",
      url: one.eventsUrl(topics[0] ?? ""),
      headers: one.headers,
      body: EVENT,
      connections: CLIENTS,
      requests: events,
      keyed: scenario.keys,
    });
    if (answer.requests !== events) throw new Error(`${answer.requests} of ${events} events were taken`);
  }
  await bench.subscriber.ask({ kind: "until", channel, events: events * subscriptions });
  // The reports of the last requests are on their way.
  await pause(500);
  const atDelivery = difference(await one.tally(), before);
  await pause(sizes.settleMilliseconds);
  return { events, atDelivery, settled: difference(await one.tally(), before) };
}
