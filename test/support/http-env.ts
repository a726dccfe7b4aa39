import { vi } from "vitest";
import type { DirectoryRpc } from "../../src/directory/rpc.ts";
import { handleRequest } from "../../src/http/handle.ts";
import type { SubscriptionRpc } from "../../src/subscription/rpc.ts";
import type { TopicLogRpc } from "../../src/topic-log/rpc.ts";

export const ROOT_KEY = "root-key-for-the-tests";
export const ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/** The objects behind the HTTP side, as far as a test needs them; any other call of theirs throws. */
export interface FakeObjects {
  readonly directory?: Partial<DirectoryRpc>;
  readonly topicLog?: Partial<TopicLogRpc>;
  readonly subscription?: Partial<SubscriptionRpc>;
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

export interface FakeGateway {
  /** Answers a request through the whole HTTP side. A string or an object as `json` becomes the body. */
  send(method: string, path: string, init?: SendInit): Promise<Response>;
  /** Every call of an object: its kind, its name, the method. */
  readonly calls: string[];
  /** What was logged, line by line. */
  readonly lines: string[];
}

export interface SendInit {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: BodyInit;
  /** null: without the header. */
  readonly key?: string | null;
}

/** A gateway whose objects are fakes: for everything the HTTP side decides by itself. */
export function fakeGateway({ directory, topicLog, subscription, variables }: FakeObjects = {}): FakeGateway {
  const calls: string[] = [];
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: unknown) => {
    lines.push(String(line));
  });
  const namespace = (kind: string, methods: object) => ({
    getByName: (name: string) =>
      new Proxy(methods, {
        get(target, method) {
          calls.push(`${kind} ${name} ${String(method)}`);
          const found: unknown = Reflect.get(target, method);
          if (found === undefined) throw new Error(`this test has no ${kind}.${String(method)}`);
          return found;
        },
      }),
  });
  const env = {
    SLUICE_ROOT_KEY: ROOT_KEY,
    SLUICE_ENCRYPTION_KEY: ENCRYPTION_KEY,
    ALLOW_PRIVATE_TARGETS: "true",
    TOPICS_AUTO_CREATE: "true",
    ...variables,
    DIRECTORY: namespace("Directory", { checkEncryptionKey: async () => "match", ...directory }),
    TOPIC_LOG: namespace("TopicLog", topicLog ?? {}),
    SUBSCRIPTION: namespace("Subscription", subscription ?? {}),
    // The HTTP side uses nothing else of its environment.
  } as unknown as Env;
  // What goes on after an answer goes on: its faults are the test's.
  const context = { waitUntil: (work: Promise<unknown>) => void work };
  return { calls, lines, send: (method, path, init) => handleRequest(requestOf(method, path, init), env, context) };
}

function requestOf(method: string, path: string, { headers, json, body, key = ROOT_KEY }: SendInit = {}): Request {
  const all = new Headers(headers);
  if (key !== null) all.set("authorization", `Bearer ${key}`);
  const text = typeof json === "string" ? json : JSON.stringify(json);
  if (json !== undefined && !all.has("content-type")) all.set("content-type", "application/json");
  const content = json === undefined ? body : text;
  return new Request(`http://gateway.example${path}`, {
    method,
    headers: all,
    ...(content === undefined ? {} : { body: content, duplex: "half" }),
  });
}
