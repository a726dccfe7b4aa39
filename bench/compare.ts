// Two states of the gateway in turns, so that a busy machine hits both: what a change made of rate and CPU.
//   git worktree add /tmp/before <commit> && ln -s "$PWD/node_modules" /tmp/before/node_modules
//   npx node bench/compare.ts /tmp/before ingest|drain|latency|together|fan-out [rounds]
import { resolve } from "node:path";
import { Gateway } from "./lib/gateway.ts";
import { Load, Subscriber } from "./lib/helper.ts";
import { cpuSeconds } from "./lib/processes.ts";
import { median } from "./lib/statistics.ts";
import { type Work, workOf } from "./lib/works.ts";

interface Turn {
  /** Events a second. */
  readonly rate: number;
  readonly cpuMicroseconds: number;
}

const [folder = "", what = "", rounds = "8"] = process.argv.slice(2);
if (folder === "") throw new Error("Which folder is the other state in?");
const work = workOf(what);

const load = new Load();
const subscriber = await Subscriber.start();

async function turnOf({ worker }: Gateway, prepare: Work): Promise<Turn> {
  const run = await prepare();
  const [cpuBefore, startedAt] = [cpuSeconds(worker.pids) ?? Number.NaN, performance.now()];
  const events = await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (cpuSeconds(worker.pids) ?? Number.NaN) - cpuBefore;
  return { rate: events / seconds, cpuMicroseconds: (cpu * 1e6) / events };
}

async function sideOf(entry: string, channel: string) {
  const gateway = await Gateway.start(entry);
  return { gateway, prepare: await work({ gateway, load, subscriber, channel }), turns: [] as Turn[] };
}

const before = await sideOf(resolve(folder, "src/worker.ts"), "/before");
const now = await sideOf("src/worker.ts", "/now");
for (let round = 0; round <= Number(rounds); round += 1) {
  for (const { gateway, prepare, turns } of round % 2 === 0 ? [before, now] : [now, before]) {
    const turn = await turnOf(gateway, prepare);
    // The first round warms up.
    if (round > 0) turns.push(turn);
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
await Promise.all([before, now].map(({ gateway }) => gateway.worker.stop()));
