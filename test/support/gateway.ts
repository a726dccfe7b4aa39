import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { Client } from "./client.ts";
import { freePort } from "./free-port.ts";
import { type ProcessGroup, startGroup } from "./process-group.ts";

/** A line of the gateway's log: `event` names the unit of work. */
export type LogLine = { readonly event: string } & Readonly<Record<string, unknown>>;

export interface GatewayOptions {
  /** Added to, or in place of, the usual variables; null leaves one to the configuration. */
  readonly variables?: Readonly<Record<string, string | null>>;
  /** Further arguments of `wrangler dev`. */
  readonly wranglerArguments?: readonly string[];
}

const START_MAX_MS = 60_000;
const START_POLL_MS = 25;
/** A request that came while the two halves of `wrangler dev` were still finding each other may never be answered. */
const START_ANSWER_MAX_MS = 2000;

/**
 * A real gateway: `wrangler dev` as API clause 1.2 gives it, on a port and a state directory of its own. `kill()` takes
 * the power away from all its processes at once; `restart()` goes on with the same state.
 */
export class Gateway {
  readonly rootKey = `root-${randomBytes(12).toString("hex")}`;
  readonly stateDirectory = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
  readonly port: number;
  readonly origin: string;
  /** Every structured line so far, over all restarts. */
  readonly log: LogLine[] = [];
  readonly #options: GatewayOptions;
  readonly #encryptionKey = randomBytes(32).toString("base64");
  /** What else was said: shown when the gateway does not start. */
  #output: string[] = [];
  #group: ProcessGroup | null = null;

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

  /** SIGKILL to every process at once; resolves when none is left. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Starts it (again) on the same state and port; resolves when it is healthy. */
  async restart(): Promise<void> {
    await this.#end("SIGKILL");
    this.#output = [];
    const { stateDirectory, port } = this;
    const variables = {
      SLUICE_ROOT_KEY: this.rootKey,
      SLUICE_ENCRYPTION_KEY: this.#encryptionKey,
      ALLOW_PRIVATE_TARGETS: "true",
      ...this.#options.variables,
    };
    const args = ["dev", "--port", String(port), "--persist-to", stateDirectory, "--inspector-port", "0"];
    args.push("--show-interactive-dev-session=false");
    for (const [name, value] of Object.entries(variables)) {
      if (value !== null) args.push("--var", `${name}:${value}`);
    }
    this.#group = startGroup("wrangler", [...args, ...(this.#options.wranglerArguments ?? [])], {
      env: { WRANGLER_REGISTRY_PATH: join(stateDirectory, "registry") },
      onLine: (line) => this.#heard(line),
    });
    await this.#healthy();
  }

  /** Ends it and deletes its state. */
  async stop(): Promise<void> {
    await this.#end("SIGKILL");
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#group?.signal(signal);
    await this.#group?.gone();
    this.#group = null;
  }

  async #healthy(): Promise<void> {
    const giveUpAt = performance.now() + START_MAX_MS;
    while (performance.now() < giveUpAt) {
      const answer = await fetch(`${this.origin}/healthz`, { signal: AbortSignal.timeout(START_ANSWER_MAX_MS) }).catch(
        () => null,
      );
      if (answer?.status === 200) return;
      if (answer !== null) this.#output.push(`${answer.status} ${await answer.text()}`);
      await pause(START_POLL_MS);
    }
    throw new Error(`The gateway did not start.\n${this.#output.slice(-40).join("\n")}`);
  }

  #heard(line: string): void {
    if (!line.startsWith("{")) {
      this.#output.push(line);
      return;
    }
    const parsed: unknown = JSON.parse(line);
    if (isLogLine(parsed)) this.log.push(parsed);
  }
}

const isLogLine = (value: unknown): value is LogLine =>
  typeof value === "object" && value !== null && "event" in value && typeof value.event === "string";

/**
 * A gateway for all tests of a file: started before them, ended and cleaned up after them. Options that take work to
 * find are given as a function.
 */
export function withGateway(options: GatewayOptions | (() => GatewayOptions) = {}): () => Gateway {
  let gateway: Gateway | null = null;
  beforeAll(async () => {
    gateway = await Gateway.start(typeof options === "function" ? options() : options);
  });
  afterAll(() => gateway?.stop());
  return () => {
    if (gateway === null) throw new Error("The gateway has not been started.");
    return gateway;
  };
}
