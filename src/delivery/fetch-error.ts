import type { AttemptErrorCode } from "../subscription/rpc.ts";

export interface AttemptError {
  readonly code: AttemptErrorCode;
  readonly message: string;
}

const UNTOLD = "the runtime does not say which";

/** What runtimes say, first match wins. Of these workerd itself says only the last. */
const CAUSES: readonly (AttemptError & { readonly said: RegExp })[] = [
  { said: /certificate|handshake|\b(?:tls|ssl)\b/i, code: "tls", message: "The TLS handshake failed." },
  { said: /\bdns\b|lookup|not resolved/i, code: "dns", message: "The host name could not be looked up." },
  { said: /refused|unreachable/i, code: "connection", message: "The connection could not be made." },
  { said: /reset/i, code: "reset", message: "The connection was reset before an answer." },
  {
    said: /connection lost|disconnected/i,
    code: "connection",
    message: `No connection, or it was closed before an answer, or the answer was not HTTP: ${UNTOLD}.`,
  },
];

/**
 * What a `fetch` that threw says about the subscriber. workerd (measured with raw sockets, test/e2e/send.test.ts) throws
 * "Network connection lost." alike for a refused connection, a reset, and an answer that is no HTTP, and "internal
 * error; reference = ..." alike for a failed name lookup and a failed TLS handshake; elsewhere the runtime may be more
 * exact. The thrown text itself is not passed on: it may hold a reference that means nothing to a user.
 */
export function classifyFetchError(thrown: unknown, protocol: string): AttemptError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = CAUSES.find(({ said }) => said.test(text));
  if (cause !== undefined) return { code: cause.code, message: cause.message };
  if (/internal error/i.test(text)) {
    return protocol === "https:"
      ? { code: "tls", message: `The TLS handshake failed, or the host name could not be looked up: ${UNTOLD}.` }
      : { code: "dns", message: "The host name could not be looked up." };
  }
  return { code: "response", message: "The answer was not valid HTTP." };
}
