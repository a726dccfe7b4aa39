import { type Bench, type Group, sampled } from "../lib/bench.ts";
import { EVENT } from "../lib/gateway.ts";
import { type Measured, rowOf, type Sample } from "../lib/result.ts";
import { paired, rounds } from "../lib/rounds.ts";

const CLIENTS = 32;
const BATCH = 100;

/** Closed loop of 32 clients, requests a second (or events, `perRequest` each). */
export async function blast(
  bench: Bench,
  target: { url: string; headers?: Readonly<Record<string, string>>; pids: readonly number[] },
  { body, perRequest, seconds }: { body: string; perRequest: number; seconds: number },
): Promise<Sample> {
  return sampled(target.pids, async () => {
    const answer = await bench.load.ask({
      kind: "blast",
      url: target.url,
      headers: { "content-type": "application/json", ...target.headers },
      body,
      connections: CLIENTS,
      seconds,
    });
    if (answer.refused > 0) throw new Error(`${answer.refused} requests to ${target.url} were refused`);
    return { value: (answer.requests * perRequest) / answer.seconds, units: answer.requests * perRequest };
  });
}

const WHAT = "ingest, single-event POST, 32 clients";
const AGAINST_BARE: Measured = {
  name: `${WHAT}, against a bare object, one row a request`,
  unit: "requests/s",
  goal: { direction: "at-least", target: 3, stretch: 4 },
};
const AGAINST_NOTHING: Measured = {
  name: `${WHAT}, against an object call that stores nothing`,
  unit: "requests/s",
  goal: { direction: "at-least", target: 0.75, stretch: 1 },
};

export const ingest: Group = {
  name: "ingest",
  measures: [AGAINST_BARE, AGAINST_NOTHING],
  async run(bench) {
    const [gateway, bare, nothing] = await Promise.all([
      bench.gateway(),
      bench.floor("bare-object"),
      bench.floor("stores-nothing"),
    ]);
    const single = { body: EVENT, perRequest: 1, seconds: bench.size(5, 0.5) };
    const topic = await gateway.createTopic();
    const own = { url: gateway.eventsUrl(topic), headers: gateway.headers, pids: gateway.worker.pids };
    const [bareOne, nothingOne] = [bare, nothing].map(({ origin, pids }) => ({ url: `${origin}/`, pids }));
    if (bareOne === undefined || nothingOne === undefined) throw new Error("a floor is missing");
    for (const target of [own, bareOne, nothingOne])
      await blast(bench, target, { ...single, seconds: bench.size(2, 0.2) });
    const all = await rounds(
      [
        { name: "gateway", measure: () => blast(bench, own, single) },
        { name: "bare", measure: () => blast(bench, bareOne, single) },
        { name: "nothing", measure: () => blast(bench, nothingOne, single) },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(120_000, 4500) },
    );
    const note = bench.scaled(null, `${single.seconds} s a turn`);
    return [
      rowOf({ ...AGAINST_BARE, note }, paired(all, "gateway", "bare")),
      rowOf({ ...AGAINST_NOTHING, note }, paired(all, "gateway", "nothing")),
    ];
  },
};

const BATCHES: Measured = {
  name: "ingest, batches of 100, 32 clients, against a bare object inserting 100 rows a request",
  unit: "events/s",
  goal: { direction: "at-least", target: 0.6, stretch: 1 },
};

export const ingestBatch: Group = {
  name: "batch",
  measures: [BATCHES],
  async run(bench) {
    const [gateway, bare] = await Promise.all([bench.gateway(), bench.floor("bare-object")]);
    const body = `[${Array.from({ length: BATCH }, () => EVENT).join(",")}]`;
    const batch = { body, perRequest: BATCH, seconds: bench.size(5, 0.4) };
    const own = {
      url: gateway.eventsUrl(await gateway.createTopic()),
      headers: gateway.headers,
      pids: gateway.worker.pids,
    };
    const floor = { url: `${bare.origin}/batch`, pids: bare.pids };
    for (const target of [own, floor]) await blast(bench, target, { ...batch, seconds: bench.size(2, 0.2) });
    const all = await rounds(
      [
        { name: "gateway", measure: () => blast(bench, own, batch) },
        { name: "bare", measure: () => blast(bench, floor, batch) },
      ],
      { rounds: bench.size(5, 2), milliseconds: bench.size(90_000, 2500) },
    );
    const note = bench.scaled(null, `${batch.seconds} s a turn`);
    return [rowOf({ ...BATCHES, note }, paired(all, "gateway", "bare"))];
  },
};
