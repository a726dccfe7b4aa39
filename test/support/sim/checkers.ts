import { attemptLog } from "./checks/attempt-log.ts";
import { barrier } from "./checks/barrier.ts";
import { conservation } from "./checks/conservation.ts";
import { durableAck } from "./checks/durable-ack.ts";
import { idempotency } from "./checks/idempotency.ts";
import { keyOrder } from "./checks/key-order.ts";
import { lists } from "./checks/lists.ts";
import { liveness } from "./checks/liveness.ts";
import { noGhosts } from "./checks/no-ghosts.ts";
import { noSpurious } from "./checks/no-spurious.ts";
import { operationalEvents } from "./checks/operational-events.ts";
import { retries } from "./checks/retries.ts";
import { stableOrder } from "./checks/stable-order.ts";
import type { Checker } from "./evidence.ts";

/** All checkers, by invariant. */
export const CHECKERS: readonly Checker[] = [
  durableAck,
  stableOrder,
  noGhosts,
  idempotency,
  conservation,
  noSpurious,
  keyOrder,
  barrier,
  attemptLog,
  retries,
  lists,
  liveness,
  operationalEvents,
];
