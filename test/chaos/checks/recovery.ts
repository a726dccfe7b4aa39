import type { Checker } from "../evidence.ts";

const HEALTHY_MAX_MS = 10_000;
const MIB = 1024 * 1024;
/** Every object is an SQLite file with its journal; what is stored of an event is a few times its size. */
const STATE_MAX_BYTES = 64 * MIB;

/** Invariant 15: answers within 10 s of a restart, drains by itself, comes back as it was, disk growth bounded. */
export const recovery: Checker = {
  invariant: "15 recovery",
  check({ journal, differences, stateBytes, drainMilliseconds }, violation) {
    const starts = journal.kills.flatMap(({ startMilliseconds }) => startMilliseconds ?? []);
    for (const start of starts) {
      if (start > HEALTHY_MAX_MS) violation(`healthy only ${start.toFixed()} ms after its start`);
    }
    for (const difference of differences) violation(`a restart changed what is shown: ${difference}`);
    if (stateBytes > STATE_MAX_BYTES) violation(`the state has ${(stateBytes / MIB).toFixed(1)} MiB`);
    return starts.length + 2 + (drainMilliseconds > 0 ? 1 : 0);
  },
};
