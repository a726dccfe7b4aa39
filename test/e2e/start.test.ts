import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, it } from "vitest";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { isGone, ROOT } from "../support/process-group.ts";

const stateDirectory = join(mkdtempSync(join(tmpdir(), "sluice-start-")), "state");
const running = new Set<NpmStart>();
const START_MAX_MS = 60_000;

afterAll(async () => {
  for (const one of running) await one.interrupt();
  rmSync(join(stateDirectory, ".."), { recursive: true, force: true });
});

/** `npm start` in a terminal: in a process group of its own, to all of which Ctrl-C sends SIGINT. */
class NpmStart {
  readonly lines: string[] = [];
  readonly #npm: ChildProcess;

  constructor(port: number) {
    this.#npm = spawn("npm", ["start", "--", "--port", String(port), "--persist-to", stateDirectory], {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    }
    running.add(this);
  }

  /** The first line that matches, as soon as there is one. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(async () => {
      const found = this.lines.map((line) => pattern.exec(line)).find((match) => match !== null);
      if (found === null || found === undefined) throw new Error(`no ${pattern} in:\n${this.lines.join("\n")}`);
      return found;
    }, START_MAX_MS);
  }

  /** Ctrl-C; resolves when npm has ended. */
  async interrupt(): Promise<void> {
    running.delete(this);
    const { pid } = this.#npm;
    if (pid === undefined || this.#npm.exitCode !== null || this.#npm.signalCode !== null) return;
    const ended = once(this.#npm, "exit");
    process.kill(-pid, "SIGINT");
    await ended;
    expect(isGone(pid)).toBe(true);
  }
}

/** Process groups of everything that was started for our state directory. */
function groupsOfGateway(): number[] {
  const { stdout } = spawnSync("ps", ["-eo", "pgid=,args="], { encoding: "utf8" });
  const ours = stdout.split("\n").filter((line) => line.includes(stateDirectory) && line.includes("keeper.mjs"));
  return ours.map((line) => Number.parseInt(line, 10));
}

it("starts with one command, shows the demo delivering, goes on after a crash, and leaves nothing behind (1.1)", async () => {
  const other = createServer().listen(0, "localhost");
  await once(other, "listening");
  const address = other.address();
  const busy = typeof address === "object" && address !== null ? address.port : 0;

  const first = new NpmStart(busy);
  const [, named] = await first.line(/^Port \d+ is busy; using (\d+)\.$/);
  const [, origin = "", key = ""] = await first.line(/(http:\/\/localhost:\d+)\/#key=(\S+)/);
  expect(origin).toBe(`http://localhost:${named}`);
  await first.line(new RegExp(`Root key +${key} `));
  await first.line(new RegExp(`State +${stateDirectory} `));
  const [, posted = ""] = await first.line(/^curl \S+\/events -H 'authorization: Bearer \S+' .* -d '(.+)'$/);
  const [, subscribed = ""] = await first.line(/^curl -X PUT \S+ -H 'authorization: Bearer \S+' .* -d '(.+)'$/);
  expect(JSON.parse(subscribed)).toMatchObject({ url: "http://localhost:3000/hook" });

  for (const attempt of [1, 2]) await first.line(new RegExp(`✗ failed .*demo-flaky.*attempt ${attempt} `));
  await first.line(/✓ delivered .*demo-flaky.*attempt 3 /);
  await first.line(/■ dead letter .*demo-broken.*exhausted/);
  const client = new Client(origin, decodeURIComponent(key), "default");
  await eventually(async () => expect((await client.deadLetters()).data).toMatchObject([{ reason: "exhausted" }]));
  expect(await client.publish("orders", posted)).toMatchObject({ offset: 2 });
  await first.interrupt();
  await first.line(/^Stopped\./);
  expect(groupsOfGateway()).toEqual([]);
  await expect(fetch(origin)).rejects.toThrow();

  // Started again it has the same key and data, and is where it was after a crash of everything below it.
  other.close();
  const second = new NpmStart(busy);
  const [, again = "", sameKey] = await second.line(/(http:\/\/localhost:\d+)\/#key=(\S+)/);
  expect(again).toBe(`http://localhost:${busy}`);
  expect(sameKey).toBe(key);
  for (const group of groupsOfGateway()) process.kill(-group, "SIGKILL");
  await second.line(/starting it again on the same state/);
  await second.line(/^Sluice is running again\.$/);
  const after = new Client(again, decodeURIComponent(key), "default");
  expect(await after.ok("GET", "/v1/topics/orders")).toMatchObject({ log: [{ nextOffset: 3 }] });
  await second.interrupt();
  expect(groupsOfGateway()).toEqual([]);
  expect(existsSync(join(stateDirectory, "running.json"))).toBe(false);
});
