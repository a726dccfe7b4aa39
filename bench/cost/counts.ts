/** What the platform bills, of some piece of work. */
export interface Counts {
  /** Requests from outside, and invocations of queue consumers. */
  readonly workerRequests: number;
  /** RPC calls to Durable Objects and runs of their alarms. */
  readonly objectCalls: number;
  /** With deletes, index entries and every `setAlarm`. */
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** Writes, reads and deletes of messages. */
  readonly queueOperations: number;
  /** Seconds in which an object had anything under way. */
  readonly objectSeconds: number;
}

/** Of one class of object: the rows by which the log and the deliveries are told apart. */
export interface Tally extends Counts {
  readonly rowsWrittenBy: Readonly<Record<string, number>>;
}

export const NOTHING: Tally = {
  ...{ workerRequests: 0, objectCalls: 0, rowsWritten: 0, rowsRead: 0, queueOperations: 0, objectSeconds: 0 },
  rowsWrittenBy: {},
};

export function difference(after: Tally, before: Tally): Tally {
  const by = Object.entries(after.rowsWrittenBy).map(
    ([name, rows]) => [name, rows - (before.rowsWrittenBy[name] ?? 0)] as const,
  );
  return {
    workerRequests: after.workerRequests - before.workerRequests,
    objectCalls: after.objectCalls - before.objectCalls,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    rowsRead: after.rowsRead - before.rowsRead,
    queueOperations: after.queueOperations - before.queueOperations,
    objectSeconds: after.objectSeconds - before.objectSeconds,
    rowsWrittenBy: Object.fromEntries(by),
  };
}
