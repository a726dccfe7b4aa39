// Where the CPU goes: a profile of the gateway's own code while it works, as the functions that took most.
//   npx node bench/profile.ts ingest|drain|latency|together|fan-out
import { EVENT, Gateway } from "./lib/gateway.ts";
import { Load, Subscriber } from "./lib/helper.ts";
import { cpuSeconds } from "./lib/processes.ts";

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
const CHANNEL = "/profile";
const load = new Load();
const subscriber = await Subscriber.start();
const gateway = await Gateway.start("src/worker.ts", { inspectorPort: 0 });

const until = (events: number) => subscriber.ask({ kind: "until", channel: CHANNEL, events });
const blast = (topic: string, seconds: number) =>
  load.ask({
    kind: "blast",
    url: gateway.eventsUrl(topic),
    headers: gateway.headers,
    body: EVENT,
    connections: 32,
    seconds,
  });

/** Each prepares, and returns what is profiled; that returns how many events it was about. */
const WORKS: Readonly<Record<string, () => Promise<() => Promise<number>>>> = {
  ingest: async () => {
    const topic = await gateway.createTopic();
    await blast(topic, 3);
    return async () => (await blast(topic, 5)).requests;
  },
  drain: async () => {
    const drain = async (events: number): Promise<() => Promise<number>> => {
      const topic = await gateway.createTopic();
      const name = await gateway.subscribe(topic, subscriber.url(CHANNEL));
      await gateway.call("POST", `/v1/subscriptions/${name}/pause`);
      await gateway.fill(topic, events);
      await subscriber.ask({ kind: "clear", channel: CHANNEL });
      return async () => {
        await gateway.call("POST", `/v1/subscriptions/${name}/resume`);
        await until(events);
        return events;
      };
    };
    await (await drain(5000))();
    return drain(10_000);
  },
  together: async () => {
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, subscriber.url(CHANNEL));
    const run = async (seconds: number): Promise<number> => {
      await subscriber.ask({ kind: "clear", channel: CHANNEL });
      const { requests } = await blast(topic, seconds);
      await until(requests);
      return requests;
    };
    await run(3);
    return () => run(5);
  },
  latency: async () => {
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, subscriber.url(CHANNEL));
    const run = async (requests: number): Promise<number> => {
      await subscriber.ask({ kind: "clear", channel: CHANNEL });
      await load.ask({
        kind: "pace",
        url: gateway.eventsUrl(topic),
        headers: gateway.headers,
        perSecond: 50,
        requests,
      });
      await until(requests);
      return requests;
    };
    await run(100);
    return () => run(250);
  },
  "fan-out": async () => {
    const topic = await gateway.createTopic();
    await gateway.subscribeMany(1000, () => [topic, subscriber.url(CHANNEL)]);
    const run = async (): Promise<number> => {
      await subscriber.ask({ kind: "clear", channel: CHANNEL });
      await gateway.call("POST", `/v1/topics/${topic}/events`, EVENT);
      await until(1000);
      return 1000;
    };
    await run();
    return async () => (await run()) + (await run()) + (await run());
  },
};

const { prepare = WORKS.drain } = { prepare: WORKS[process.argv[2] ?? ""] };
if (prepare === undefined) throw new Error("nothing to profile");
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
