import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { SendResult } from "../../src/subscription/rpc.ts";
import { answering as answeringWith } from "./raw-answer.ts";
import { type RawBehaviour, type RawServer, rawServer } from "./raw-server.ts";
import { type SendRuntime, sendRuntime } from "./send-runtime.ts";

/** What the tests of one send need: a workerd for the file, raw subscribers for each test. Call it once, at the top. */
export function sending() {
  const servers: RawServer[] = [];
  let runtime: SendRuntime;
  beforeAll(async () => {
    runtime = await sendRuntime();
  });
  afterAll(() => runtime.dispose());
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const send: SendRuntime["send"] = (order) => runtime.send(order);

  async function subscriber(behaviour: RawBehaviour): Promise<RawServer & { url: string }> {
    const server = await rawServer(behaviour);
    servers.push(server);
    return { ...server, url: `http://127.0.0.1:${server.port}/hook` };
  }

  /** A subscriber that answers each request with these bytes and closes. */
  const answering = (bytes: string | Buffer) => subscriber(answeringWith(bytes));

  async function answerTo(text: string | Buffer, timeoutSeconds = 5) {
    const { url } = await answering(text);
    const result = await send({ url, timeoutSeconds });
    if (result.kind === "unsent") throw new Error("it was not sent");
    return result;
  }

  /** A URL where nobody listens. */
  async function nobody(): Promise<string> {
    const server = await rawServer({ request: (socket) => socket.end() });
    await server.close();
    return `http://127.0.0.1:${server.port}/hook`;
  }

  return { send, subscriber, answering, answerTo, nobody };
}

/** That it ended by the deadline of one second; the upper bound leaves room for a busy machine. */
export function expectDeadline(result: SendResult): void {
  if (result.kind === "unsent") throw new Error("it was not sent");
  expect(result.durationMilliseconds).toBeGreaterThan(950);
  expect(result.durationMilliseconds).toBeLessThan(4000);
}
