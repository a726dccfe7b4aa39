import { once } from "node:events";
import { connect } from "node:net";

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

const QUIET_MS = 10_000;

/**
 * Sends bytes that no HTTP client would, and reads until `count` answers have come, the server hangs up, or nothing
 * has come for 10 s. `thenClose`: hangs up right after sending, half-way where half a request was sent.
 */
export async function rawExchange(
  port: number,
  bytes: string | Uint8Array,
  { count = 1, thenClose = false }: { readonly count?: number; readonly thenClose?: boolean } = {},
): Promise<{ readonly answers: readonly RawAnswer[]; readonly text: string }> {
  const socket = connect({ port, host: "localhost" });
  let text = "";
  socket.setEncoding("latin1");
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    text += chunk;
    if (parseAnswers(text).length >= count) socket.destroy();
  });
  socket.setTimeout(QUIET_MS, () => socket.destroy());
  const closed = once(socket, "close");
  await once(socket, "connect");
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  if (thenClose) socket.end();
  await closed;
  return { answers: parseAnswers(text), text };
}

/** The complete answers in a stream of them; each with a Content-Length, as the gateway sends small ones. */
function parseAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let at = 0;
  for (;;) {
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return answers;
    const head = text.slice(at, headEnd);
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? "0");
    const end = headEnd + 4 + length;
    if (end > text.length) return answers;
    answers.push({
      status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]),
      head,
      body: text.slice(headEnd + 4, end),
    });
    at = end;
  }
}
