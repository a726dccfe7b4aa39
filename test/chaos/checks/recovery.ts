import type { Checker } from "../evidence.ts";

const HEALTHY_MAX_MS = 10_000;
const MIB = 1024 * 1024;
/** What an empty database of an object takes, with its tables. */
const DATABASE_BYTES = 256 * 1024;
/** SQLite writes it back at 1,000 pages, and truncates it when nobody reads. */
const JOURNAL_MAX_BYTES = 8 * MIB;
/** What is stored of an event or of a request is a few times what is seen of it. */
const STORED_PER_BYTE = 6;
const STORED_PER_REQUEST_BYTES = 4096;

/** Invariant 15: answers within 10 s of a restart, drains by itself, comes back as it was, disk growth bounded. */
export const recovery: Checker = {
  invariant: "15 recovery",
  check({ journal, dump, differences, stored, drainMilliseconds }, violation) {
    const starts = journal.kills.flatMap(({ startMilliseconds }) => startMilliseconds ?? []);
    for (const start of starts) {
      if (start > HEALTHY_MAX_MS) violation(`healthy only ${start.toFixed()} ms after its start`);
    }
    for (const difference of differences) violation(`a restart changed what is shown: ${difference}`);
    const logged = [...dump.logs.values()].flat().reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
    const allowed =
      stored.databases * DATABASE_BYTES + logged * STORED_PER_BYTE + journal.arrivals.length * STORED_PER_REQUEST_BYTES;
    if (stored.bytes > allowed) violation(`${stored.bytes} bytes are stored, at most ${allowed} were expected`);
    if (stored.longestJournalBytes > JOURNAL_MAX_BYTES) {
      violation(`a write-ahead log has ${stored.longestJournalBytes} bytes`);
    }
    return starts.length + 3 + (drainMilliseconds > 0 ? 1 : 0);
  },
};
