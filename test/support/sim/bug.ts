import type { SubscriptionDeps } from "../../../src/subscription/deps.ts";
import type { LogDeps } from "../../../src/topic-log/deps.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** A planted bug: what it puts in place of the real parts. The checkers must catch each. */
export interface Bug {
  logDeps?(deps: LogDeps, life: Life, world: World): LogDeps;
  subscriptionDeps?(deps: SubscriptionDeps, life: Life, world: World): SubscriptionDeps;
}
