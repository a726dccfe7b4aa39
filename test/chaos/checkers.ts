import { attemptLog } from "./checks/attempt-log.ts";
import { authentic } from "./checks/authentic.ts";
import { barrier } from "./checks/barrier.ts";
import { confinement } from "./checks/confinement.ts";
import { conservation } from "./checks/conservation.ts";
import { durableAck } from "./checks/durable-ack.ts";
import { egress } from "./checks/egress.ts";
import { idempotency } from "./checks/idempotency.ts";
import { isolation } from "./checks/isolation.ts";
import { keyOrder } from "./checks/key-order.ts";
import { noGhosts } from "./checks/no-ghosts.ts";
import { noSpurious } from "./checks/no-spurious.ts";
import { recovery } from "./checks/recovery.ts";
import { retries } from "./checks/retries.ts";
import { stableOrder } from "./checks/stable-order.ts";
import type { Checker } from "./evidence.ts";

/** All invariants of docs/INVARIANTS.md, in their order. */
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
  authentic,
  isolation,
  egress,
  confinement,
  recovery,
];
