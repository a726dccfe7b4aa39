/**
 * The gateway with a planted bug: every retry is sent with the timestamp and the signature of the first attempt. An entry
 * beside `src/worker.ts`, for the chaos harness alone: nothing of it is in what is built.
 */
export { Deliverer, Directory, default, Subscription, TopicLog } from "../../../src/worker.ts";

const COPIED = ["webhook-timestamp", "webhook-signature"] as const;

const first = new Map<string, ReadonlyMap<string, string>>();
const honest = globalThis.fetch;

const stale = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  const headers = new Headers(init?.headers);
  const send = `${headers.get("sluice-subscription")} ${headers.get("webhook-id")}`;
  const signed = first.get(send) ?? new Map(COPIED.map((name) => [name, headers.get(name) ?? ""]));
  first.set(send, signed);
  for (const [name, value] of signed) headers.set(name, value);
  return honest(input, { ...init, headers });
};

Object.assign(globalThis, { fetch: stale });
