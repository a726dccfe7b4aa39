// Where the CPU goes: a profile of the gateway's own code while it works, as the functions that took most.
//   npx node bench/profile.ts ingest|drain|latency|together|fan-out
import { Gateway } from "./lib/gateway.ts";
import { Load, Subscriber } from "./lib/helper.ts";
import { cpuSeconds } from "./lib/processes.ts";
import { workOf } from "./lib/works.ts";

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A connection of the DevTools protocol. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result }: { id?: number; result?: unknown } = JSON.parse(String(data));
      if (id !== undefined) this.#waiting.get(id)?.(result);
    });
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return new Inspector(socket);
  }

  call<T>(method: string, params: object = {}): Promise<T> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, (result) => resolve(result as T));
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

const SHOWN = 45;
const [what = ""] = process.argv.slice(2);
const work = workOf(what);

const load = new Load();
const subscriber = await Subscriber.start();
const gateway = await Gateway.start("src/worker.ts", { inspectorPort: 0 });
const prepare = await work({ gateway, load, subscriber, channel: "/profile" });
// The first turn warms up.
await (await prepare())();
const run = await prepare();
const targets = await fetch(new URL("/json", (await gateway.worker.inspector()).href.replace(/^ws/, "http")));
const [target]: { webSocketDebuggerUrl: string }[] = JSON.parse(await targets.text());
const inspector = await Inspector.connect(target?.webSocketDebuggerUrl ?? "");
await inspector.call("Profiler.enable");
await inspector.call("Profiler.setSamplingInterval", { interval: 200 });
await inspector.call("Profiler.start");
const startedAt = performance.now();
const before = cpuSeconds(gateway.worker.pids) ?? 0;
const events = await run();
const cpu = (cpuSeconds(gateway.worker.pids) ?? 0) - before;
const seconds = (performance.now() - startedAt) / 1000;
const { profile } = await inspector.call<{ profile: Profile }>("Profiler.stop");
inspector.close();

const nameOf = new Map(
  profile.nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || "(anonymous)"}:${callFrame.lineNumber}`]),
);
const self = new Map<string, number>();
profile.samples.forEach((sample, index) => {
  const name = nameOf.get(sample) ?? "?";
  self.set(name, (self.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0));
});
console.log(
  `${events} events in ${seconds.toFixed(1)} s, ${Math.round((cpu / events) * 1e6)} µs of CPU each. Of that, µs an event:`,
);
for (const [name, microseconds] of [...self].toSorted((a, b) => b[1] - a[1]).slice(0, SHOWN)) {
  console.log(`${(microseconds / events).toFixed(1).padStart(8)}  ${name}`);
}
load.stop();
subscriber.stop();
await gateway.worker.stop();
