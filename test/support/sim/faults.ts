import type { Random } from "./random.ts";

/** How likely each thing goes wrong: per step (restart, crash), or each time it is tried. */
export interface Faults {
  /** One object loses its memory. */
  restart: number;
  /** The whole process dies: all objects, deliverers and the local queue. */
  crash: number;
  /** A deliverer is ended in the middle of its work. */
  delivererKilled: number;
  /** A call fails before it was applied. */
  requestLost: number;
  /** A call fails after it was applied. */
  replyLost: number;
  /** A call takes up to SLOW_CALL_MS. */
  slowCall: number;
  queueDrops: number;
  queueRepeats: number;
  queueDelays: number;
  /** `send` rejects; the message may have been taken all the same. */
  queueRejects: number;
  /** A statement that writes fails. */
  storage: number;
  alarmLate: number;
  alarmRepeats: number;
}

export const SLOW_CALL_MS = 800;

export const NO_FAULTS: Faults = {
  restart: 0,
  crash: 0,
  delivererKilled: 0,
  requestLost: 0,
  replyLost: 0,
  slowCall: 0,
  queueDrops: 0,
  queueRepeats: 0,
  queueDelays: 0,
  queueRejects: 0,
  storage: 0,
  alarmLate: 0,
  alarmRepeats: 0,
};

/** What goes wrong in a schedule. `calm`: nothing does, and what is due must start in time. */
export type Weather = "calm" | "lossy-queue" | "restarts" | "network" | "storage" | "storm";

export function faultsOf(weather: Weather, random: Random): Faults {
  const some = (most: number) => random.next() * most;
  switch (weather) {
    case "calm":
      return NO_FAULTS;
    case "lossy-queue":
      return { ...NO_FAULTS, queueDrops: some(0.6), queueRepeats: some(0.3), queueRejects: some(0.2) };
    case "restarts":
      return { ...NO_FAULTS, restart: some(0.06), crash: some(0.01), delivererKilled: some(0.01), alarmRepeats: 0.1 };
    case "network":
      return { ...NO_FAULTS, requestLost: some(0.1), replyLost: some(0.1), slowCall: some(0.2), queueDelays: 0.1 };
    case "storage":
      return { ...NO_FAULTS, storage: some(0.1), restart: some(0.01) };
    case "storm":
      return {
        restart: some(0.05),
        crash: some(0.01),
        delivererKilled: some(0.01),
        requestLost: some(0.05),
        replyLost: some(0.05),
        slowCall: some(0.1),
        queueDrops: some(0.3),
        queueRepeats: some(0.3),
        queueDelays: some(0.3),
        queueRejects: some(0.2),
        storage: some(0.03),
        alarmLate: some(0.3),
        alarmRepeats: some(0.2),
      };
  }
}
