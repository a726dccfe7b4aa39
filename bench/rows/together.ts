import { type Bench, type Group, nowMilliseconds, sampled } from "../lib/bench.ts";
import { EVENT } from "../lib/gateway.ts";
import { type Measured, rowOf, type Sample, skipped } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";
import { hasRedis, startPeer } from "../peers/start.ts";

const CLIENTS = 32;

interface System {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pids: readonly number[];
  readonly channel: string;
}

/** Events a second from the first publish to the last arrival: what came in faster than it went out is waited for. */
async function sustained(bench: Bench, { url, headers, pids, channel }: System, seconds: number): Promise<Sample> {
  await bench.subscriber.ask({ kind: "clear", channel });
  return sampled(pids, async () => {
    const startedAt = nowMilliseconds();
    const blast = { kind: "blast", url, headers, body: EVENT, connections: CLIENTS, seconds } as const;
    const { requests, refused } = await bench.load.ask(blast);
    if (refused > 0) throw new Error(`${refused} requests to ${url} were refused`);
    const { lastAtMilliseconds = 0 } = await bench.subscriber.ask({ kind: "until", channel, events: requests });
    return { value: requests / ((lastAtMilliseconds - startedAt) / 1000), units: requests };
  });
}

/** The same samples as events for each second of CPU. */
const perCpuSecond = ({ value: _rate, cpuMicroseconds }: Sample): Sample => ({
  value: cpuMicroseconds === null ? Number.NaN : 1e6 / cpuMicroseconds,
  cpuMicroseconds,
});

const WHAT =
  "ingest and delivery together, 32 clients, sustained 60 s, against Fastify + BullMQ + Redis (fsync always)";
const RATE: Measured = {
  name: WHAT,
  unit: "events/s",
  goal: { direction: "at-least", target: 1, stretch: 1.5 },
};
const PER_CPU: Measured = {
  name: `${WHAT}, for each second of CPU`,
  unit: "events/CPU s",
  goal: { direction: "at-least", target: 1.5, stretch: 2.5 },
};

export const together: Group = {
  name: "together",
  measures: [RATE, PER_CPU],
  async run(bench) {
    if (!hasRedis()) return [RATE, PER_CPU].map((of) => skipped(of, "no redis-server is installed here"));
    const gateway = await bench.gateway();
    const channels = { gateway: "/together", peer: "/together-peer" };
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, bench.subscriber.url(channels.gateway));
    const peer = await startPeer(bench.subscriber.url(channels.peer));
    try {
      const own: System = {
        url: gateway.eventsUrl(topic),
        headers: gateway.headers,
        pids: gateway.worker.pids,
        channel: channels.gateway,
      };
      const other: System = {
        url: peer.eventsUrl,
        headers: { "content-type": "application/json" },
        pids: peer.pids,
        channel: channels.peer,
      };
      for (const system of [own, other]) await sustained(bench, system, bench.size(5, 0.3));
      const seconds = bench.size(60, 0.8);
      const all = await rounds(
        [
          { name: "gateway", measure: () => sustained(bench, own, seconds) },
          { name: "peer", measure: () => sustained(bench, other, seconds) },
        ],
        { rounds: bench.size(2, 2), milliseconds: bench.size(360_000, 3000) },
      );
      const note = bench.scaled("all processes on the same cores, load and subscriber too", `${seconds} s a turn`);
      const pairs = paired(all, "gateway", "peer");
      const cpu = pairs.map(({ value, floor }) => ({ value: perCpuSecond(value), floor: perCpuSecond(floor) }));
      return [rowOf({ ...RATE, note }, pairs), rowOf({ ...PER_CPU, note }, cpu)];
    } finally {
      await peer.stop();
    }
  },
};
