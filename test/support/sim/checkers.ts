import type { Checker } from "./evidence.ts";
import { durableAck } from "./checks/durable-ack.ts";

/** All checkers, by invariant. */
export const CHECKERS: readonly Checker[] = [durableAck];
