/** The head of a request and the length of its body, read from raw bytes without any HTTP library. */
export interface RequestHead {
  readonly line: string;
  /** Lower-case names; a repeated one keeps all values, joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the body begins. */
  readonly bodyAt: number;
}

export function parseHead(received: Buffer): RequestHead | null {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line = "", ...fields] = received.toString("latin1", 0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return { line, headers, bodyAt: end + 4 };
}

/** The body and where it ends, or null while it is not complete. */
export function parseBody(received: Buffer, head: RequestHead): { body: Buffer; end: number } | null {
  if (/chunked/i.test(head.headers.get("transfer-encoding") ?? "")) return parseChunks(received, head.bodyAt);
  const end = head.bodyAt + Number(head.headers.get("content-length") ?? 0);
  return received.length < end ? null : { body: received.subarray(head.bodyAt, end), end };
}

function parseChunks(received: Buffer, from: number): { body: Buffer; end: number } | null {
  const chunks: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const length = Number.parseInt(received.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + length + 2;
    if (!Number.isInteger(length) || received.length < next) return null;
    if (length === 0) return { body: Buffer.concat(chunks), end: next };
    chunks.push(received.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = next;
  }
}
