import type { Bench } from "../lib/bench.ts";
import type { Row } from "../lib/result.ts";
import { rounded } from "../lib/statistics.ts";
import { dollarsPerMillionEvents, perEvent } from "./bill.ts";
import type { Counts } from "./counts.ts";
import { DOLLARS_PER_MILLION, INCLUDED_PER_MONTH, PRICES_AS_OF } from "./prices.ts";
import { COUNTING_ENTRY, counted, type Scenario, type Sizes } from "./scenario.ts";

const SUBSCRIPTIONS = [1, 5, 100];
const RETRY_SHARES = [0, 0.05];
/** Events under load, by the number of subscriptions: 100 of them make 100 deliveries of each. */
const LOAD_EVENTS: Readonly<Record<number, number>> = { 1: 6000, 5: 3000, 100: 300 };

/** Dollars per million events at load: single posts of 32 clients without keys. */
const TARGETS: readonly { readonly subscriptions: number; readonly retryShare: number; readonly dollars: number }[] = [
  { subscriptions: 1, retryShare: 0, dollars: 1.2 },
  { subscriptions: 5, retryShare: 0, dollars: 3.2 },
  { subscriptions: 1, retryShare: 0.05, dollars: 1.4 },
  { subscriptions: 5, retryShare: 0.05, dollars: 4 },
];

export interface BillLine {
  readonly scenario: Scenario;
  readonly events: number;
  readonly perEvent: Counts;
  readonly dollarsPerMillionEvents: number;
}

export interface Bill {
  readonly prices: {
    readonly asOf: string;
    readonly dollarsPerMillion: Readonly<Record<keyof Counts, number>>;
    readonly includedPerMonth: Readonly<Record<keyof Counts, number>>;
  };
  readonly lines: readonly BillLine[];
  readonly rows: readonly Row[];
}

/** Every scenario of the bill, counted from the running code. */
export async function bill(bench: Bench): Promise<Bill> {
  const gateway = await bench.gateway(COUNTING_ENTRY);
  const alone = allOf("alone").filter((scenario) => !bench.quick || isCheap(scenario));
  // Every alarm has gone off: those of the log after 5 s, those of a lease after its deadline and 3 s.
  const quiet: Sizes = {
    events: 1,
    settleMilliseconds: bench.size(20_000, 6000),
    timeoutSeconds: bench.size(15, 1),
  };
  const lines: BillLine[] = [];
  for (const subscriptions of SUBSCRIPTIONS) {
    // Side by side where that is quiet: what waits for the one thread of this workerd would be counted as seconds of objects.
    const some = alone.filter((scenario) => scenario.subscriptions === subscriptions);
    const together = subscriptions < 100 ? [some] : some.map((scenario) => [scenario]);
    for (const group of together) {
      bench.say(`alone: ${group.map(nameOf).join("; ")} ...`);
      lines.push(
        ...(await Promise.all(group.map(async (one) => lineOf(one, await counted(bench, gateway, one, quiet))))),
      );
    }
  }
  for (const scenario of allOf("load").filter((one) => !bench.quick || isCheap(one))) {
    bench.say(`load: ${nameOf(scenario)} ...`);
    const full = LOAD_EVENTS[scenario.subscriptions] ?? 300;
    const busy: Sizes = {
      events: bench.size(full, Math.ceil(full / 10)),
      settleMilliseconds: bench.size(1000, 100),
      timeoutSeconds: 15,
    };
    const line = lineOf(scenario, await counted(bench, gateway, scenario, busy));
    bench.say(`  $${line.dollarsPerMillionEvents.toFixed(2)} per million events`);
    lines.push(line);
  }
  const prices = { asOf: PRICES_AS_OF, dollarsPerMillion: DOLLARS_PER_MILLION, includedPerMonth: INCLUDED_PER_MONTH };
  return { prices, lines, rows: lines.map((line) => rowOfLine(line, bench)) };
}

/** What a quick run has time for: those that have targets, and the same alone. */
const isCheap = ({ subscriptions, keys }: Scenario): boolean => subscriptions < 100 && !keys;

const allOf = (traffic: Scenario["traffic"]): Scenario[] =>
  SUBSCRIPTIONS.flatMap((subscriptions) =>
    [false, true].flatMap((keys) => RETRY_SHARES.map((retryShare) => ({ subscriptions, traffic, keys, retryShare }))),
  );

function lineOf(scenario: Scenario, { events, settled }: Awaited<ReturnType<typeof counted>>): BillLine {
  const each = perEvent(settled, events);
  return { scenario, events, perEvent: each, dollarsPerMillionEvents: dollarsPerMillionEvents(each) };
}

const nameOf = ({ subscriptions, traffic, keys, retryShare }: Scenario): string =>
  [
    `${subscriptions} ${subscriptions === 1 ? "subscription" : "subscriptions"}`,
    traffic === "load" ? "at load" : "alone",
    keys ? "with idempotency keys" : "no keys",
    `${retryShare * 100} % retried`,
  ].join(", ");

function rowOfLine({ scenario, events, dollarsPerMillionEvents: dollars }: BillLine, bench: Bench): Row {
  const goal = TARGETS.find(
    (one) =>
      scenario.traffic === "load" &&
      !scenario.keys &&
      one.subscriptions === scenario.subscriptions &&
      one.retryShare === scenario.retryShare,
  );
  return {
    name: `bill, ${nameOf(scenario)}`,
    value: rounded(dollars),
    unit: "dollars per million events",
    ...{ floor: null, ratio: null, spread: null, stretch: null, stretchMet: null, cpuMicroseconds: null },
    target: goal?.dollars ?? null,
    direction: "at-most",
    met: goal === undefined ? null : dollars <= goal.dollars,
    rounds: 1,
    note: bench.quick ? `scale: quick (${events} events)` : null,
  };
}
