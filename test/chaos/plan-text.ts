import type { Behaviour, Operation, Plan } from "./plan.ts";

/** The whole plan for a person: who subscribes and how they behave, every kill, every operation. */
export function describePlan(plan: Plan): string[] {
  return [
    `Plan of seed ${plan.seed}: ${plan.operations.length} operations, ${plan.kills.length} kills`,
    "Subscriptions:",
    ...plan.subscriptions.map(
      ({ name, tenant, topic, ordering, filter, format, start, scheduleSeconds, holdAfterFailures, behaviour }) =>
        `  ${tenant}/${topic} ${name}: order ${ordering}, ${format}, from ${start}, types [${filter.types}], n >= ${filter.atLeast}, ` +
        `schedule [${scheduleSeconds}], hold after ${holdAfterFailures}; ${describeBehaviour(behaviour)}`,
    ),
    "Kills:",
    ...plan.kills.map(({ atOperation, kind, count }) => `  at operation ${atOperation}: ${kind}, count ${count}`),
    "Operations:",
    ...plan.operations.map((operation, index) => `  ${index} ${describeOperation(operation)}`),
  ];
}

const describeBehaviour = ({ failing, failuresMax, hopeless, gone, bad, good }: Behaviour): string =>
  failing === 0
    ? `always ${[...new Set(good)]}`
    : `${failing * 100} % fail 1..${failuresMax} times (${hopeless * 100} % of them for ever, 410: ${gone * 100} %) by ${[...new Set(bad)]}; else ${[...new Set(good)]}`;

export function describeOperation(operation: Operation): string {
  switch (operation.do) {
    case "post":
      return `post ${operation.tenant}/${operation.topic} ${operation.types.map((type, index) => `${type}(${operation.keys[index] ?? "-"})`)} idempotency ${operation.idempotency}`;
    case "repeat":
    case "conflict":
      return `${operation.do} ${operation.choice.toFixed(3)}`;
    case "bad":
      return `bad post to ${operation.tenant}/${operation.topic} ${operation.choice.toFixed(3)}`;
    default:
      return `${operation.do} ${operation.on} ${operation.choice.toFixed(3)}`;
  }
}
