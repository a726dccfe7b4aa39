import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "./client.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { type ProcessGroup, startGroup } from "./process-group.ts";

/** A line of the gateway's log: `event` names the unit of work. */
export type LogLine = { readonly event: string } & Readonly<Record<string, unknown>>;

export type Variables = Readonly<Record<string, string | null>>;

export interface GatewayOptions {
  /** Added to, or in place of, the usual variables; null leaves one to the configuration. */
  readonly variables?: Variables;
  /** In place of the entry of the configuration. */
  readonly entry?: string;
  /** Further arguments of `wrangler dev`. */
  readonly wranglerArguments?: readonly string[];
  /** Every line of output as it comes, with how many came since the last start. */
  readonly onLine?: (line: string, count: number) => void;
}

const START_MAX_MS = 60_000;
const START_POLL_MS = 25;
/** A request that came while the two halves of `wrangler dev` were still finding each other may never be answered. */
const START_ANSWER_MAX_MS = 2000;

/** A process that was just killed may still have made a file. */
const DELETE_RETRIES = 5;

/** It was killed before it was healthy, by whoever started it. */
export class KilledWhileStarting extends Error {}

/**
 * A real gateway: `wrangler dev` as API clause 1.2 gives it, on a port and a state directory of its own. `kill()` takes
 * the power away from all its processes at once; `restart()` goes on with the same state.
 */
export class Gateway {
  readonly rootKey = `root-${randomBytes(12).toString("hex")}`;
  readonly encryptionKey = randomBytes(32).toString("base64");
  readonly stateDirectory = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
  /** What the tools put aside for themselves, and leave behind when they are killed. */
  readonly #scratchDirectory = mkdtempSync(join(tmpdir(), "sluice-scratch-"));
  readonly port: number;
  readonly origin: string;
  /** Every structured line so far, over all restarts. */
  readonly log: LogLine[] = [];
  readonly #options: GatewayOptions;
  /** What else was said: shown when the gateway does not start. */
  #output: string[] = [];
  #lines = 0;
  #group: ProcessGroup | null = null;
  /** Until the last of the processes that were killed is gone. */
  #gone: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Counts starts and kills, so that a start knows that it was killed. */
  #turn = 0;

  private constructor(port: number, options: GatewayOptions) {
    this.port = port;
    this.origin = `http://localhost:${port}`;
    this.#options = options;
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = new Gateway(await freePort(), options);
    try {
      await gateway.restart();
      return gateway;
    } catch (thrown) {
      await gateway.stop();
      throw thrown;
    }
  }

  /** A client with the root key. Each tenant is a room of its own, so that tests do not see each other. */
  client(tenant = "default"): Client {
    return new Client(this.origin, this.rootKey, tenant);
  }

  /** How long the log is once it tells of everything that was answered so far: lines come later than answers. */
  async logEnd(): Promise<number> {
    const answer = await fetch(`${this.origin}/no-such-path`);
    const id = answer.headers.get("sluice-request-id");
    await answer.arrayBuffer();
    await eventually(async () => {
      if (!this.log.some((line) => line.event === "request" && line.id === id))
        throw new Error(`${id} is not in the log`);
    });
    return this.log.length;
  }

  /** SIGKILL to every process, in the caller's turn; resolves when none is left. */
  async kill(): Promise<void> {
    this.#turn += 1;
    const group = this.#group;
    this.#group = null;
    group?.signal("SIGKILL");
    if (group !== null) this.#gone = group.gone();
    await this.#gone;
  }

  /** Starts it (again) on the same state and port; resolves when it is healthy. */
  async restart(variables: Variables = {}): Promise<void> {
    await this.kill();
    if (this.#stopped) throw new Error("The gateway is not started again: its state is deleted.");
    const turn = ++this.#turn;
    this.#output = [];
    this.#lines = 0;
    const { stateDirectory, port } = this;
    const all = {
      SLUICE_ROOT_KEY: this.rootKey,
      SLUICE_ENCRYPTION_KEY: this.encryptionKey,
      ALLOW_PRIVATE_TARGETS: "true",
      ...this.#options.variables,
      ...variables,
    };
    const { entry } = this.#options;
    const args = [
      "dev",
      ...(entry === undefined ? [] : [entry]),
      "--port",
      String(port),
      "--persist-to",
      stateDirectory,
      "--inspector-port",
      "0",
    ];
    args.push("--show-interactive-dev-session=false");
    for (const [name, value] of Object.entries(all)) {
      if (value !== null) args.push("--var", `${name}:${value}`);
    }
    this.#group = startGroup("wrangler", [...args, ...(this.#options.wranglerArguments ?? [])], {
      env: { WRANGLER_REGISTRY_PATH: join(stateDirectory, "registry"), TMPDIR: this.#scratchDirectory },
      onLine: (line) => this.#heard(line),
    });
    await this.#healthy(turn);
  }

  /** Ends it and deletes its state. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.kill();
    this.#delete();
  }

  /** `stop` for the end of this process, which waits for nothing. */
  abandon(): void {
    this.#group?.signal("SIGKILL");
    this.#delete();
  }

  #delete(): void {
    for (const directory of [this.stateDirectory, this.#scratchDirectory]) {
      rmSync(directory, { recursive: true, force: true, maxRetries: DELETE_RETRIES });
    }
  }

  async #healthy(turn: number): Promise<void> {
    const giveUpAt = performance.now() + START_MAX_MS;
    while (performance.now() < giveUpAt) {
      if (turn !== this.#turn) throw new KilledWhileStarting("The gateway was killed while it was starting.");
      const answer = await fetch(`${this.origin}/healthz`, { signal: AbortSignal.timeout(START_ANSWER_MAX_MS) }).catch(
        () => null,
      );
      if (answer?.status === 200 && turn === this.#turn) return;
      if (answer !== null) this.#output.push(`${answer.status} ${await answer.text().catch(() => "")}`);
      await pause(START_POLL_MS);
    }
    throw new Error(`The gateway did not start.\n${this.#output.slice(-40).join("\n")}`);
  }

  #heard(line: string): void {
    this.#options.onLine?.(line, ++this.#lines);
    const parsed = line.startsWith("{") ? parseLine(line) : null;
    if (parsed === null) this.#output.push(line);
    else this.log.push(parsed);
  }
}

/** null: no structured line, or one that a kill has cut off. */
function parseLine(line: string): LogLine | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return isLogLine(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

const isLogLine = (value: unknown): value is LogLine =>
  typeof value === "object" && value !== null && "event" in value && typeof value.event === "string";
