import type { Group } from "../lib/bench.ts";
import { EVENT } from "../lib/gateway.ts";
import { type Measured, rowOf } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";
import { blast } from "./ingest.ts";

const SMALL_EVENTS = 1000;

const LOG_SIZE: Measured = {
  name: "append at a log of 1,000,000 events, 32 clients, against at 1,000",
  unit: "requests/s",
  goal: { direction: "at-least", target: 0.9, stretch: 1 },
};

export const logSize: Group = {
  name: "log-size",
  measures: [LOG_SIZE],
  async run(bench) {
    const gateway = await bench.gateway();
    const events = bench.size(1_000_000, 10_000);
    const large = await gateway.createTopic();
    await gateway.fill(large, events);
    const load = { body: EVENT, perRequest: 1, seconds: bench.size(4, 0.4) };
    const on = (topic: string) =>
      blast(bench, { url: gateway.eventsUrl(topic), headers: gateway.headers, pids: gateway.worker.pids }, load);
    await on(large);
    const all = await rounds(
      [
        { name: "large", measure: () => on(large) },
        {
          name: "small",
          measure: async () => {
            const small = await gateway.createTopic();
            await gateway.fill(small, SMALL_EVENTS);
            return on(small);
          },
        },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(60_000, 2000) },
    );
    const note = bench.scaled(null, `${events} events`);
    return [rowOf({ ...LOG_SIZE, note }, paired(all, "large", "small"))];
  },
};
