import type { WorkDeps } from "../../../src/delivery/work-part.ts";
import type { SubscriptionDeps } from "../../../src/subscription/deps.ts";
import type { SubscriptionMachine } from "../../../src/subscription/machine.ts";
import type { LogDeps } from "../../../src/topic-log/deps.ts";
import type { Log } from "../../../src/topic-log/log.ts";
import type { World } from "./world.ts";

/** A planted bug: what it puts in place of the real parts. The checkers must catch each. */
export interface Bug {
  logDeps?(deps: LogDeps, world: World): LogDeps;
  log?(deps: LogDeps, pendingAlarm: number | null): Log;
  subscriptionDeps?(deps: SubscriptionDeps, world: World): SubscriptionDeps;
  subscription?(deps: SubscriptionDeps): SubscriptionMachine;
  workDeps?(deps: WorkDeps, world: World): WorkDeps;
}
