import { type Bench, type Group, nowMilliseconds, sampled } from "../lib/bench.ts";
import { EVENT, type Gateway } from "../lib/gateway.ts";
import { type Measured, rowOf, type Sample } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";
import type { RunningWorker } from "../lib/workers.ts";

const CONCURRENCY = 32;
const CHANNEL = { gateway: "/drain", floor: "/drain-floor" };

/** From the resume of a paused subscription to the arrival of the last event. */
async function drained(bench: Bench, gateway: Gateway, events: number): Promise<Sample> {
  const { subscriber } = bench;
  const topic = await gateway.createTopic();
  const name = await gateway.subscribe(topic, subscriber.url(CHANNEL.gateway), { concurrency: CONCURRENCY });
  await gateway.call("POST", `/v1/subscriptions/${name}/pause`);
  await gateway.fill(topic, events);
  await subscriber.ask({ kind: "clear", channel: CHANNEL.gateway });
  const sample = await sampled(gateway.worker.pids, async () => {
    const startedAt = nowMilliseconds();
    await gateway.call("POST", `/v1/subscriptions/${name}/resume`);
    const { lastAtMilliseconds = 0 } = await subscriber.ask({ kind: "until", channel: CHANNEL.gateway, events });
    return { value: events / ((lastAtMilliseconds - startedAt) / 1000), units: events };
  });
  await gateway.call("DELETE", `/v1/topics/${topic}?force=true`);
  return sample;
}

async function looped(bench: Bench, floor: RunningWorker, events: number): Promise<Sample> {
  const to = encodeURIComponent(bench.subscriber.url(CHANNEL.floor));
  return sampled(floor.pids, async () => {
    const startedAt = nowMilliseconds();
    const url = `${floor.origin}/?to=${to}&count=${events}&concurrency=${CONCURRENCY}`;
    const answer = await fetch(url, { method: "POST", body: EVENT });
    await answer.text();
    return { value: events / ((nowMilliseconds() - startedAt) / 1000), units: events };
  });
}

const DRAIN: Measured = {
  name: "drain of a backlog of 20,000 to one subscriber, signed and logged, against a Worker's loop of the same fetch",
  unit: "deliveries/s",
  goal: { direction: "at-least", target: 0.5, stretch: 0.75 },
};

export const drain: Group = {
  name: "drain",
  measures: [DRAIN],
  async run(bench) {
    const [gateway, floor] = await Promise.all([bench.gateway(), bench.floor("forward")]);
    const events = bench.size(20_000, 800);
    await drained(bench, gateway, bench.size(5000, 200));
    const all = await rounds(
      [
        { name: "gateway", measure: () => drained(bench, gateway, events) },
        { name: "loop", measure: () => looped(bench, floor, events) },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(180_000, 2500) },
    );
    const note = bench.scaled(`${CONCURRENCY} at a time in both`, `${events} events`);
    return [rowOf({ ...DRAIN, note }, paired(all, "gateway", "loop"))];
  },
};
