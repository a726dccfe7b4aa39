import { type Bench, type Group, nowMilliseconds, sampled } from "../lib/bench.ts";
import { EVENT, type Gateway } from "../lib/gateway.ts";
import { type Measured, rowOf, type Sample } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";
import type { RunningWorker } from "../lib/workers.ts";

const CHANNEL = { gateway: "/fan-out", floor: "/fan-out-floor" };
const FLOOR_CONCURRENCY = 32;

/** Milliseconds from the publish of one event to its arrival at the last subscription. */
async function toAll(bench: Bench, gateway: Gateway, topic: string, subscriptions: number): Promise<Sample> {
  await bench.subscriber.ask({ kind: "clear", channel: CHANNEL.gateway });
  return sampled(gateway.worker.pids, async () => {
    const startedAt = nowMilliseconds();
    await gateway.call("POST", `/v1/topics/${topic}/events`, EVENT);
    const until = { kind: "until", channel: CHANNEL.gateway, events: subscriptions } as const;
    const { lastAtMilliseconds = 0 } = await bench.subscriber.ask(until);
    return { value: lastAtMilliseconds - startedAt, units: subscriptions };
  });
}

async function looped(bench: Bench, floor: RunningWorker, count: number): Promise<Sample> {
  const to = encodeURIComponent(bench.subscriber.url(CHANNEL.floor));
  return sampled(floor.pids, async () => {
    const startedAt = nowMilliseconds();
    const url = `${floor.origin}/?to=${to}&count=${count}&concurrency=${FLOOR_CONCURRENCY}`;
    const answer = await fetch(url, { method: "POST", body: EVENT });
    await answer.text();
    return { value: nowMilliseconds() - startedAt, units: count };
  });
}

const FAN_OUT: Measured = {
  name: "one event to 1,000 subscriptions, to the last, signed and logged, against the same fetches in a loop",
  unit: "ms",
  goal: { direction: "at-most", target: 9, stretch: 5 },
};

export const fanOut: Group = {
  name: "fan-out",
  measures: [FAN_OUT],
  async run(bench) {
    const [gateway, floor] = await Promise.all([bench.gateway(), bench.floor("forward")]);
    const count = bench.size(1000, 50);
    const topic = await gateway.createTopic();
    await gateway.subscribeMany(count, () => [topic, bench.subscriber.url(CHANNEL.gateway)]);
    const own = { name: "gateway", measure: () => toAll(bench, gateway, topic, count) };
    const loop = { name: "loop", measure: () => looped(bench, floor, count) };
    await own.measure();
    await loop.measure();
    const all = await rounds([own, loop], { rounds: bench.size(9, 3), milliseconds: bench.size(60_000, 1000) });
    const note = bench.scaled(`the loop sends ${FLOOR_CONCURRENCY} at a time`, `${count} subscriptions`);
    return [rowOf({ ...FAN_OUT, note }, paired(all, "gateway", "loop"))];
  },
};
