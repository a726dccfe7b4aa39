import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Envelope, LoadAnswer, LoadCommand, SubscriberAnswer, SubscriberCommand } from "./messages.ts";

/** A process that is told what to do and answers when it is done. It ends with this one. */
class Helper<Command, Answer> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { done: (answer: Answer) => void; fail: (why: Error) => void }>();
  #last = 0;

  constructor(file: string) {
    this.#child = fork(join(import.meta.dirname, file), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", ({ id, body }: Envelope<Answer>) => {
      this.#waiting.get(id)?.done(body);
      this.#waiting.delete(id);
    });
    this.#child.on("exit", (code) => {
      for (const { fail } of this.#waiting.values()) fail(new Error(`${file} ended with ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  ask(body: Command): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      this.#child.send({ id, body } satisfies Envelope<Command>);
    });
  }

  stop(): void {
    this.#waiting.clear();
    this.#child.kill();
  }
}

export class Load extends Helper<LoadCommand, LoadAnswer> {
  constructor() {
    super("load-process.ts");
  }
}

export class Subscriber extends Helper<SubscriberCommand, SubscriberAnswer> {
  #port = 0;

  static async start(): Promise<Subscriber> {
    const subscriber = new Subscriber("subscriber-process.ts");
    // It listens to us once it listens to the network.
    subscriber.#port = (await subscriber.ask({ kind: "port" })).port ?? 0;
    return subscriber;
  }

  url(channel: string): string {
    return `http://127.0.0.1:${this.#port}${channel}`;
  }
}
