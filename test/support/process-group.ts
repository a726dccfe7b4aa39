import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

export const ROOT = join(import.meta.dirname, "..", "..");

const BIN = join(ROOT, "node_modules", ".bin");
const KEEPER = join(ROOT, "scripts", "gateway", "keeper.mjs");
const ENVIRONMENT = join(ROOT, "scripts", "gateway", "environment.json");
const GONE_POLL_MS = 10;
const GONE_MAX_MS = 10_000;

export interface ProcessGroup {
  readonly leader: ChildProcess;
  /** Signals every process of the group, at once. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when no process of the group runs any more; rejects after 10 s. */
  gone(): Promise<void>;
}

/** The environment in which `npm start` runs the tools, too: the project's own Node first, and nothing calls home. */
export function toolEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const quiet: Record<string, string> = JSON.parse(readFileSync(ENVIRONMENT, "utf8"));
  return { ...process.env, ...quiet, PATH: [BIN, process.env.PATH ?? ""].join(delimiter), ...more };
}

/**
 * Starts a program of node_modules/.bin in a process group of its own, which the keeper ends with the test run even if
 * that is killed. `onLine` gets each line of its output.
 */
export function startGroup(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; onLine: (line: string) => void },
): ProcessGroup {
  const leader = spawn(join(BIN, "node"), [KEEPER, join(BIN, command), ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: toolEnvironment(options.env),
  });
  for (const stream of [leader.stdout, leader.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", options.onLine);
  }
  const { pid } = leader;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  let open = true;
  leader.once("close", () => {
    open = false;
  });
  return {
    leader,
    signal: (signal) => {
      try {
        process.kill(-pid, signal);
      } catch {
        // None of them is left.
      }
    },
    gone: async () => {
      const giveUpAt = performance.now() + GONE_MAX_MS;
      while (open || !isGone(pid)) {
        if (performance.now() > giveUpAt) throw new Error(`processes of the group ${pid} are still there`);
        await pause(GONE_POLL_MS);
      }
    },
  };
}

/** Whether no process of the group runs: what nobody has reaped yet does not count. */
export function isGone(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return true;
  }
  return processesOf(group).length === 0;
}

/** Ids of the running processes of a group. */
export function processesOf(group: number): number[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,pgid=,stat="], { encoding: "utf8" });
  return stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, stat]) => Number(pgid) === group && stat?.startsWith("Z") === false)
    .map(([pid]) => Number(pid));
}
