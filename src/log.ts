type LogValue = string | number | boolean | null | undefined;

/** What one unit of work (request, commit, reported attempts, consumed batch) has to say about itself. */
export type LogFields = Readonly<Record<string, LogValue | readonly Readonly<Record<string, LogValue>>[]>> & {
  /** Taken by the name of the line. */
  readonly event?: never;
};

// JSON.stringify leaves these as they are; a terminal or a log shipper would take them for line ends or commands.
const UNSAFE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Writes one structured line, once, at the end of a unit of work. Never pass a payload, a secret, a signature or a
 * custom header: lines leave the machine.
 */
export function logLine(event: string, fields: LogFields): void {
  const line = JSON.stringify({ event, ...fields });
  console.log(line.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
}
