import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../test/support/free-port.ts";

export interface Peer {
  readonly eventsUrl: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const START_TRIES_MAX = 200;

export const hasRedis = (): boolean => spawnSync("redis-server", ["--version"]).status === 0;

/** Fastify, a BullMQ worker and a Redis that answers when it is on disk: three processes. */
export async function startPeer(subscriberUrl: string): Promise<Peer> {
  const state = mkdtempSync(join(tmpdir(), "sluice-bench-redis-"));
  const port = await freePort();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", state, "--save", ""];
  // As durable as the gateway: nothing is acknowledged before it is on disk.
  const durable = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];
  const redis = spawn("redis-server", [...options, ...durable], { stdio: "ignore" });
  await listening(port);
  const [api, worker] = [script("api.ts", [`${port}`, subscriberUrl]), script("worker.ts", [`${port}`])];
  const [[apiPort]] = await Promise.all([once(api, "message"), once(worker, "message")]);
  return {
    eventsUrl: `http://127.0.0.1:${apiPort}/events`,
    pids: [redis, api, worker].flatMap(({ pid }) => pid ?? []),
    stop: async () => {
      await Promise.all([worker, api, redis].map(end));
      rmSync(state, { recursive: true, force: true });
    },
  };
}

const script = (file: string, args: readonly string[]): ChildProcess =>
  fork(join(import.meta.dirname, file), args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < START_TRIES_MAX; tries += 1) {
    const socket = createConnection(port, "127.0.0.1");
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await pause(20);
  }
  throw new Error("redis-server does not listen");
}
