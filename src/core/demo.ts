/** The topic that the demo publishes to. */
export const DEMO_TOPIC = "orders";

/** The demo's receivers; each subscription has the name of its receiver. */
export const DEMO_RECEIVERS = ["demo-flaky", "demo-broken"] as const;
export type DemoReceiver = (typeof DEMO_RECEIVERS)[number];

/** What a receiver can be told to do instead of its own behaviour. */
export const DEMO_MODES = ["ok", "fail", "slow", "gone"] as const;
export type DemoMode = (typeof DEMO_MODES)[number];

/** Two retries, soon: the whole story of an event fits the patience of somebody who watches. */
export const DEMO_RETRY_SCHEDULE_SECONDS: readonly number[] = [1, 2];

/** Attempts of an event that `demo-flaky` refuses before it takes it: just within the schedule. */
const FLAKY_REFUSALS = 2;
/** Long enough to see a delivery under way, well within the timeout. */
const SLOW_ANSWER_MS = 5000;

export interface DemoAnswer {
  readonly status: number;
  /** How long the receiver takes. */
  readonly delayMilliseconds: number;
  readonly body: string;
}

export const isDemoReceiver = (name: string): name is DemoReceiver => DEMO_RECEIVERS.some((one) => one === name);
export const isDemoMode = (mode: string): mode is DemoMode => DEMO_MODES.some((one) => one === mode);

/** How a receiver answers attempt number `attempt` (from 1) of an event; `mode` null = its own behaviour. */
export function demoAnswer(receiver: DemoReceiver, mode: DemoMode | null, attempt: number): DemoAnswer {
  switch (mode) {
    case "ok":
      return answer(200, "Thank you.");
    case "fail":
      return answer(500, "Told to fail.");
    case "slow":
      return { ...answer(200, "Thank you, and sorry for the wait."), delayMilliseconds: SLOW_ANSWER_MS };
    case "gone":
      return answer(410, "Nobody lives here any more.");
    case null:
      return receiver === "demo-broken" ? answer(500, "This receiver always fails.") : flaky(attempt);
  }
}

const flaky = (attempt: number): DemoAnswer =>
  attempt <= FLAKY_REFUSALS
    ? answer(503, `Attempt ${attempt} refused; attempt ${FLAKY_REFUSALS + 1} will be taken.`)
    : answer(200, `Taken at attempt ${attempt}.`);

const answer = (status: number, body: string): DemoAnswer => ({ status, delayMilliseconds: 0, body });
