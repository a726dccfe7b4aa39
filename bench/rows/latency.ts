import { type Bench, type Group, sampled } from "../lib/bench.ts";
import { type Measured, rowOf, type Sample } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";
import { percentile } from "../lib/statistics.ts";

const PER_SECOND = 50;
const NONE_MATCH = { types: ["never.*"] };

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pids: readonly number[];
  readonly channel: string;
}

/** Milliseconds from the publish to the arrival at the subscriber, the median, at 50 events a second. */
async function latencyOf(bench: Bench, { url, headers, pids, channel }: Target, requests: number): Promise<Sample> {
  await bench.subscriber.ask({ kind: "clear", channel });
  return sampled(pids, async () => {
    const arrived = bench.subscriber.ask({ kind: "until", channel, events: requests });
    const answer = await bench.load.ask({ kind: "pace", url, headers, perSecond: PER_SECOND, requests });
    if (answer.refused > 0) throw new Error(`${answer.refused} requests to ${url} were refused`);
    await arrived;
    const { latenciesMilliseconds = [] } = await bench.subscriber.ask({ kind: "latencies", channel });
    return { value: percentile(latenciesMilliseconds, 0.5), units: requests };
  });
}

const LATENCY: Measured = {
  name: `publish → received, p50 at ${PER_SECOND} events/s, against a Worker that forwards in the request`,
  unit: "ms",
  goal: { direction: "at-most", target: 5, stretch: 3 },
};

export const latency: Group = {
  name: "latency",
  measures: [LATENCY],
  async run(bench) {
    const [gateway, floor] = await Promise.all([bench.gateway(), bench.floor("forward")]);
    const topic = await gateway.createTopic();
    const channel = "/latency";
    await gateway.subscribe(topic, bench.subscriber.url(channel));
    const own = { url: gateway.eventsUrl(topic), headers: gateway.headers, pids: gateway.worker.pids, channel };
    const forward = {
      url: `${floor.origin}/?to=${encodeURIComponent(bench.subscriber.url("/latency-floor"))}`,
      headers: { "content-type": "application/json" },
      pids: floor.pids,
      channel: "/latency-floor",
    };
    const requests = bench.size(250, 20);
    for (const target of [own, forward]) await latencyOf(bench, target, bench.size(50, 5));
    const all = await rounds(
      [
        { name: "gateway", measure: () => latencyOf(bench, own, requests) },
        { name: "forward", measure: () => latencyOf(bench, forward, requests) },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(90_000, 1700) },
    );
    const note = bench.scaled(null, `${requests} events a turn`);
    return [rowOf({ ...LATENCY, note }, paired(all, "gateway", "forward"))];
  },
};

const MANY: Measured = {
  name: "one delivery, publish → received, with 1,000 subscriptions on the topic of which one matches, against with 1",
  unit: "ms",
  goal: { direction: "at-most", target: 1.2, stretch: 1 },
};

/** Of 1,000 subscriptions one gets the event: what the others cost it. */
export const manySubscriptions: Group = {
  name: "many",
  measures: [MANY],
  async run(bench) {
    const gateway = await bench.gateway();
    const count = bench.size(1000, 50);
    const channels = { one: "/one-of-one", many: "/one-of-many" };
    const [alone, crowded] = [await gateway.createTopic(), await gateway.createTopic()];
    await gateway.subscribe(alone, bench.subscriber.url(channels.one));
    await gateway.subscribe(crowded, bench.subscriber.url(channels.many));
    await gateway.subscribeMany(count - 1, () => [crowded, bench.subscriber.url("/never"), { filter: NONE_MATCH }]);
    const target = (topic: string, channel: string): Target => ({
      url: gateway.eventsUrl(topic),
      headers: gateway.headers,
      pids: gateway.worker.pids,
      channel,
    });
    const [one, many] = [target(alone, channels.one), target(crowded, channels.many)];
    const requests = bench.size(250, 20);
    for (const each of [one, many]) await latencyOf(bench, each, bench.size(50, 5));
    const all = await rounds(
      [
        { name: "many", measure: () => latencyOf(bench, many, requests) },
        { name: "one", measure: () => latencyOf(bench, one, requests) },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(90_000, 1700) },
    );
    const note = bench.scaled(null, `${count} subscriptions, ${requests} events a turn`);
    return [rowOf({ ...MANY, note }, paired(all, "many", "one"))];
  },
};
