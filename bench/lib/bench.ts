import { Gateway } from "./gateway.ts";
import { Load, Subscriber } from "./helper.ts";
import { cpuSeconds } from "./processes.ts";
import type { Measured, Row, Sample } from "./result.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./workers.ts";

const OBJECT = (className: string) => ({ className, useSQLite: true });
const FLOORS = {
  "bare-object": { durableObjects: { BARE: OBJECT("Bare") } },
  "stores-nothing": { durableObjects: { NOTHING: OBJECT("Nothing") } },
  forward: {},
} satisfies Record<string, WorkerOptions>;
export type FloorName = keyof typeof FLOORS;

/** Rows that are measured together. */
export interface Group {
  readonly name: string;
  /** What it measures, in the order of its rows: known before anything was. */
  readonly measures: readonly Measured[];
  run(bench: Bench): Promise<readonly Row[]>;
}

/** What a run shares: helper processes, and the Workers that several rows use. */
export class Bench {
  readonly quick: boolean;
  readonly load = new Load();
  readonly subscriber: Subscriber;
  readonly #gateways = new Map<string, Promise<Gateway>>();
  readonly #floors = new Map<FloorName, Promise<RunningWorker>>();

  private constructor(quick: boolean, subscriber: Subscriber) {
    this.quick = quick;
    this.subscriber = subscriber;
  }

  static async start(quick: boolean): Promise<Bench> {
    return new Bench(quick, await Subscriber.start());
  }

  /** `entry`: another than the gateway itself. */
  gateway(entry = "src/worker.ts"): Promise<Gateway> {
    const known = this.#gateways.get(entry) ?? Gateway.start(entry);
    this.#gateways.set(entry, known);
    return known;
  }

  floor(name: FloorName): Promise<RunningWorker> {
    const known = this.#floors.get(name) ?? startWorker(`bench/floors/${name}.ts`, FLOORS[name]);
    this.#floors.set(name, known);
    return known;
  }

  /** The size of a full run, or of a quick one. */
  size(full: number, quick: number): number {
    return this.quick ? quick : full;
  }

  /** What a row says of its size in a quick run. */
  scaled(note: string | null, quick: string): string | null {
    if (!this.quick) return note;
    return [`scale: quick (${quick})`, ...(note === null ? [] : [note])].join("; ");
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  async stop(): Promise<void> {
    this.load.stop();
    this.subscriber.stop();
    const running = [...this.#gateways.values()].map(async (gateway) => (await gateway).worker);
    const workers = await Promise.allSettled([...running, ...this.#floors.values()]);
    await Promise.all(workers.map((one) => (one.status === "fulfilled" ? one.value.stop() : undefined)));
  }
}

/** Runs something and says what it came to, with the CPU that the server processes took for each unit of its work. */
export async function sampled(
  pids: readonly number[],
  run: () => Promise<{ readonly value: number; readonly units: number }>,
): Promise<Sample> {
  const before = cpuSeconds(pids);
  const { value, units } = await run();
  const after = cpuSeconds(pids);
  const cpuMicroseconds = before === null || after === null ? null : ((after - before) * 1e6) / units;
  return { value, cpuMicroseconds };
}

/** Milliseconds of the clock that all processes of a machine share. */
export const nowMilliseconds = (): number => Number(process.hrtime.bigint()) / 1e6;
