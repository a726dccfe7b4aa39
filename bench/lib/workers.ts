import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from "miniflare";
import { ROOT } from "./machine.ts";
import { memoryBytes, workerdsBelow } from "./processes.ts";

/** A real workerd with one Worker, on a port and a state directory of its own. */
export interface RunningWorker {
  readonly origin: string;
  /** Ids of its processes. */
  readonly pids: readonly number[];
  memory(): { readonly now: number; readonly peak: number } | null;
  /** Where a debugger connects, if the Worker was started with an `inspectorPort`. */
  inspector(): Promise<URL>;
  stop(): Promise<void>;
}

export type WorkerOptions = Omit<V4WorkerOptions, "script" | "scriptPath" | "modules" | "name"> & {
  /** 0 = any free one. */
  readonly inspectorPort?: number;
  /** Of its V8, unless the environment says others (MINIFLARE_WORKERD_V8_FLAGS; empty: none). */
  readonly v8Flags?: string;
};

const COMPATIBILITY = { compatibilityDate: "2026-10-01", compatibilityFlags: ["global_fetch_strictly_public"] };

/** The alias of wrangler.toml: of this module alone, where esbuild's own option would take those below it too. */
const ALIAS: Plugin = {
  name: "alias",
  setup: (building) => {
    const path = join(ROOT, "node_modules/@hyperjump/browser/lib/index.browser.js");
    building.onResolve({ filter: /^@hyperjump\/browser$/ }, () => ({ path }));
  },
};

/** As wrangler would bundle it. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(ROOT, entry)],
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
    plugins: [ALIAS],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

// One after the other: the workerd that came since is the one just started.
let starting: Promise<unknown> = Promise.resolve();

export function startWorker(entry: string, { v8Flags, ...options }: WorkerOptions): Promise<RunningWorker> {
  const started = starting.then(() => withV8Flags(v8Flags, () => start(entry, options)));
  starting = started.catch(() => undefined);
  return started;
}

/** Miniflare takes them from the environment alone, once, when it starts. */
async function withV8Flags<T>(flags: string | undefined, run: () => Promise<T>): Promise<T> {
  const given = process.env.MINIFLARE_WORKERD_V8_FLAGS;
  if (flags === undefined || given !== undefined) return run();
  process.env.MINIFLARE_WORKERD_V8_FLAGS = flags;
  try {
    return await run();
  } finally {
    delete process.env.MINIFLARE_WORKERD_V8_FLAGS;
  }
}

async function start(entry: string, options: Omit<WorkerOptions, "v8Flags">): Promise<RunningWorker> {
  const state = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const before = new Set(workerdsBelow(process.pid));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "bench",
      modules: true,
      script: await bundle(entry),
      ...COMPATIBILITY,
      ...options,
      // Straight to the Worker: Miniflare's own one before it is no part of what is measured.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      resourcePersistencePath: state,
      telemetry: { enabled: false },
      cf: false,
      // Lines are written, as in production, and read by nobody.
      handleStructuredLogs: () => undefined,
      handleUncaughtError: (error) => process.stderr.write(`${String(error)}\n`),
    }),
  );
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL("bench");
  const pids = workerdsBelow(process.pid).filter((pid) => !before.has(pid));
  return {
    origin: url.origin,
    pids,
    memory: () => memoryBytes(pids[0] ?? -1),
    inspector: () => miniflare.getInspectorURL(),
    stop: async () => {
      await miniflare.dispose();
      rmSync(state, { recursive: true, force: true });
    },
  };
}
