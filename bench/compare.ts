// Two states of the gateway in turns, so that a busy machine hits both: what a change made of rate and CPU.
//   git worktree add /tmp/before <commit> && ln -s "$PWD/node_modules" /tmp/before/node_modules
//   npx node bench/compare.ts /tmp/before ingest|drain|together [rounds]
import { resolve } from "node:path";
import { EVENT, Gateway } from "./lib/gateway.ts";
import { Load, Subscriber } from "./lib/helper.ts";
import { cpuSeconds } from "./lib/processes.ts";
import { median } from "./lib/statistics.ts";

interface Turn {
  /** Events a second. */
  readonly rate: number;
  readonly cpuMicroseconds: number;
}

const SECONDS = 2;
const DRAINED_EVENTS = 4000;
const CONCURRENCY = 32;

const [folder = "", what = "", rounds = "8"] = process.argv.slice(2);
const load = new Load();
const subscriber = await Subscriber.start();

async function timed(gateway: Gateway, run: () => Promise<number>): Promise<Turn> {
  const [cpuBefore, startedAt] = [cpuSeconds(gateway.worker.pids) ?? Number.NaN, performance.now()];
  const events = await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (cpuSeconds(gateway.worker.pids) ?? Number.NaN) - cpuBefore;
  return { rate: events / seconds, cpuMicroseconds: (cpu * 1e6) / events };
}

async function blast(gateway: Gateway, topic: string): Promise<number> {
  const { requests } = await load.ask({
    ...{ kind: "blast", url: gateway.eventsUrl(topic), headers: gateway.headers, body: EVENT },
    ...{ connections: 32, seconds: SECONDS },
  });
  return requests;
}

/** Each prepares once, and returns what is done in a turn. */
const WORKS: Readonly<Record<string, (gateway: Gateway, channel: string) => Promise<() => Promise<Turn>>>> = {
  ingest: async (gateway) => {
    const topic = await gateway.createTopic();
    return () => timed(gateway, () => blast(gateway, topic));
  },
  together: async (gateway, channel) => {
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, subscriber.url(channel));
    return async () => {
      await subscriber.ask({ kind: "clear", channel });
      return timed(gateway, async () => {
        const events = await blast(gateway, topic);
        await subscriber.ask({ kind: "until", channel, events });
        return events;
      });
    };
  },
  drain: async (gateway, channel) => async () => {
    const topic = await gateway.createTopic();
    const name = await gateway.subscribe(topic, subscriber.url(channel), { concurrency: CONCURRENCY });
    await gateway.call("POST", `/v1/subscriptions/${name}/pause`);
    await gateway.fill(topic, DRAINED_EVENTS);
    await subscriber.ask({ kind: "clear", channel });
    const turn = await timed(gateway, async () => {
      await gateway.call("POST", `/v1/subscriptions/${name}/resume`);
      await subscriber.ask({ kind: "until", channel, events: DRAINED_EVENTS });
      return DRAINED_EVENTS;
    });
    await gateway.call("DELETE", `/v1/topics/${topic}?force=true`);
    return turn;
  },
};

const prepare = WORKS[what];
if (folder === "" || prepare === undefined) throw new Error("which folder, and ingest, drain or together?");
const gateways = [await Gateway.start(resolve(folder, "src/worker.ts")), await Gateway.start()] as const;
const before = { run: await prepare(gateways[0], "/before"), turns: [] as Turn[] };
const now = { run: await prepare(gateways[1], "/now"), turns: [] as Turn[] };
for (let round = 0; round <= Number(rounds); round += 1) {
  for (const side of round % 2 === 0 ? [before, now] : [now, before]) {
    const turn = await side.run();
    // The first round warms up.
    if (round > 0) side.turns.push(turn);
  }
}
const medianOf = (turns: readonly Turn[], member: keyof Turn): string =>
  median(turns.map((turn) => turn[member])).toFixed(0);
const ratio = (member: keyof Turn): string =>
  median(now.turns.map((turn, index) => turn[member] / (before.turns[index]?.[member] ?? Number.NaN))).toFixed(2);
for (const member of ["rate", "cpuMicroseconds"] as const) {
  const [first, second] = [medianOf(before.turns, member), medianOf(now.turns, member)];
  console.log(`${what}, ${member}: ${first} before, ${second} now; median of the rounds' ratios ${ratio(member)}`);
}
load.stop();
subscriber.stop();
await Promise.all(gateways.map(({ worker }) => worker.stop()));
