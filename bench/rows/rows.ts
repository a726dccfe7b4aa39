import { COUNTING_ENTRY, counted, type Scenario } from "../cost/scenario.ts";
import type { Group } from "../lib/bench.ts";
import { type Measured, rowOf } from "../lib/result.ts";

type Kind = "TopicLog" | "Subscription";

interface Budget {
  readonly name: string;
  /** Whose rows, a unit of work: an event appended, or one delivered. */
  readonly of: Kind;
  /** Rows each may write: the budget that test/worker/rows.test.ts asserts. */
  readonly rows: number;
  readonly scenario: Scenario;
}

const plain = { keys: false, retryShare: 0 };
const ALONE: Scenario = { ...plain, subscriptions: 1, traffic: "alone" };
const LOAD: Scenario = { ...plain, subscriptions: 1, traffic: "load" };

const BUDGETS: readonly Budget[] = [
  { name: "append, alone", of: "TopicLog", rows: 2, scenario: ALONE },
  { name: "append, under load", of: "TopicLog", rows: 0.1, scenario: LOAD },
  { name: "append, under load, with an idempotency key", of: "TopicLog", rows: 1.1, scenario: { ...LOAD, keys: true } },
  { name: "delivery, alone", of: "Subscription", rows: 3, scenario: ALONE },
  { name: "delivery, under load", of: "Subscription", rows: 0.25, scenario: LOAD },
  {
    name: "delivery in topic order, under load",
    of: "Subscription",
    rows: 2,
    scenario: { ...LOAD, ordering: "topic" },
  },
];

const measuredBy = ({ name }: Budget): Measured => ({
  name: `rows written, ${name}, against the budget`,
  unit: "rows",
  goal: { direction: "at-most", target: 1, stretch: 0.5 },
});

/** The budgets of rows written, by the running code. The floor is the budget, and the ratio how much of it is used. */
export const rowBudgets: Group = {
  name: "rows",
  measures: BUDGETS.map(measuredBy),
  async run(bench) {
    const gateway = await bench.gateway(COUNTING_ENTRY);
    const events = bench.size(2000, 150);
    // Alone means that no alarm is pending any more: those of the log and of the lease have gone off.
    const sizesOf = ({ traffic }: Scenario) => ({
      events,
      settleMilliseconds: traffic === "alone" ? bench.size(7000, 100) : 100,
      timeoutSeconds: 1,
    });
    const scenarios = new Map(BUDGETS.map(({ scenario }) => [JSON.stringify(scenario), scenario]));
    const tallies = new Map<string, Awaited<ReturnType<typeof counted>>>();
    // One after the other: under load means that a topic has all 32 clients and the machine for itself.
    for (const [name, scenario] of scenarios) {
      tallies.set(name, await counted(bench, gateway, scenario, sizesOf(scenario)));
    }
    return BUDGETS.map((budget) => {
      const tally = tallies.get(JSON.stringify(budget.scenario));
      const value = (tally?.atDelivery.rowsWrittenBy[budget.of] ?? Number.NaN) / (tally?.events ?? 1);
      const note = bench.scaled(
        "up to the delivery; what alarms write afterwards is in the bill",
        `${events} events; alone with an alarm still pending`,
      );
      const sample = (rows: number) => ({ value: rows, cpuMicroseconds: null });
      return rowOf({ ...measuredBy(budget), note }, [{ value: sample(value), floor: sample(budget.rows) }]);
    });
  },
};
