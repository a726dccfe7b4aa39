import { setTimeout as pause } from "node:timers/promises";
import type { Bench, Group } from "../lib/bench.ts";
import { Gateway } from "../lib/gateway.ts";
import { HAS_PROC } from "../lib/processes.ts";
import { type Measured, rowOf, skipped } from "../lib/result.ts";

const SUBSCRIPTIONS = 10;
const CHANNEL = "/memory";
const CHUNK_EVENTS = 10_000;
const SETTLE_SAMPLES = 5;
const MIB = 1024 * 1024;
/** What the platform gives an isolate. Without a bound V8 collects as late as the machine's memory lets it. */
const V8_FLAGS = "--max-heap-size=128";

/** Each event is for one of the ten, by its type. */
const eventOf = (index: number): string =>
  `{"type":"t${index % SUBSCRIPTIONS}.created","data":{"order":${index},"amount":4200}}`;

async function through(bench: Bench, gateway: Gateway, topic: string, events: { from: number; to: number }) {
  for (let at = events.from; at < events.to; at += CHUNK_EVENTS) {
    const end = Math.min(at + CHUNK_EVENTS, events.to);
    for (let first = at; first < end; first += 1000) {
      const batch = Array.from({ length: Math.min(1000, end - first) }, (_, index) => eventOf(first + index));
      await gateway.call("POST", `/v1/topics/${topic}/events`, `[${batch.join(",")}]`);
    }
    await bench.subscriber.ask({ kind: "until", channel: CHANNEL, events: end });
    if (end % 100_000 === 0) bench.say(`  memory: ${end.toLocaleString("en-US")} events`);
  }
}

/** MiB that workerd holds when it has come to rest: the least of some looks, as garbage comes and goes. */
async function held(gateway: Gateway): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SETTLE_SAMPLES; sample += 1) {
    await pause(100);
    least = Math.min(least, gateway.worker.memory()?.now ?? Number.NaN);
  }
  return least / MIB;
}

const MEMORY: Measured = {
  name: "memory of workerd after 1,000,000 events through 10 subscriptions, against after 10,000",
  unit: "MiB",
  goal: { direction: "at-most", target: 1.3, stretch: 1.1 },
};

export const memory: Group = {
  name: "memory",
  measures: [MEMORY],
  async run(bench) {
    const [few, many] = [bench.size(10_000, 300), bench.size(1_000_000, 1500)];
    if (!HAS_PROC) return [skipped(MEMORY, "this system has no /proc to read the memory of a process from")];
    // A process of its own: what other rows left behind is not in it.
    const gateway = await Gateway.start("src/worker.ts", { v8Flags: V8_FLAGS });
    try {
      const topic = await gateway.createTopic();
      await bench.subscriber.ask({ kind: "clear", channel: CHANNEL });
      for (let index = 0; index < SUBSCRIPTIONS; index += 1) {
        await gateway.subscribe(topic, bench.subscriber.url(CHANNEL), { filter: { types: [`t${index}.*`] } });
      }
      await through(bench, gateway, topic, { from: 0, to: few });
      const before = await held(gateway);
      await through(bench, gateway, topic, { from: few, to: many });
      const after = await held(gateway);
      const peak = Math.round((gateway.worker.memory()?.peak ?? Number.NaN) / MIB);
      const bound = process.env.MINIFLARE_WORKERD_V8_FLAGS ?? V8_FLAGS;
      const note = bench.scaled(
        `each event goes to one of the ten; peak ${peak} MiB; V8: ${bound || "no bound"}`,
        `${many} events, after ${few}`,
      );
      const sample = (value: number) => ({ value, cpuMicroseconds: null });
      return [rowOf({ ...MEMORY, note }, [{ value: sample(after), floor: sample(before) }])];
    } finally {
      await gateway.worker.stop();
    }
  },
};
