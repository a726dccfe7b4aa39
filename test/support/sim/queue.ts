import type { Ground } from "./ground.ts";
import type { Life } from "./life.ts";

interface Queued {
  readonly id: string;
  readonly body: unknown;
  attempts: number;
}

/** How wrangler.toml sets a queue up. */
export interface QueueSettings {
  readonly maxBatchSize: number;
  readonly maxRetries: number;
  readonly retryDelaySeconds: number;
  /** Where a message goes that failed too often; null: it is gone. */
  readonly deadLetterQueue: SimQueue | null;
}

const LATE_MAX_MS = 30_000;

/**
 * A queue as unreliable as the platform allows, and the local one is: messages get lost, come twice, late and in any
 * order; `send` may fail though the message was taken; all of it is gone when the process dies.
 */
export class SimQueue {
  readonly #ground: Ground;
  readonly #name: string;
  readonly #settings: QueueSettings;
  readonly #consume: (batch: MessageBatch<unknown>, life: Life) => Promise<void>;
  #ready: Queued[] = [];
  #consuming = false;
  #sent = 0;
  /** Messages lost since the world began, for those who judge how late something may be. */
  lost = 0;

  constructor(
    ground: Ground,
    name: string,
    settings: QueueSettings,
    consume: (batch: MessageBatch<unknown>, life: Life) => Promise<void>,
  ) {
    this.#ground = ground;
    this.#name = name;
    this.#settings = settings;
    this.#consume = consume;
  }

  send(sender: Life, body: unknown, delaySeconds: number): Promise<void> {
    const ground = this.#ground;
    const { random, faults } = ground;
    const copy = structuredClone(body);
    const rejected = random.chance(faults.queueRejects);
    if (!rejected || random.chance(0.5)) this.enqueue(copy, delaySeconds);
    else this.lost += 1;
    return new Promise((resolve, reject) => {
      ground.later(sender, ground.transit(), `${this.#name} ${rejected ? "refuses" : "takes"} a message`, () =>
        rejected ? reject(new Error("Too Many Requests")) : resolve(),
      );
    });
  }

  enqueue(body: unknown, delaySeconds: number): void {
    const { random, faults } = this.#ground;
    if (random.chance(faults.queueDrops)) {
      this.lost += 1;
      this.#ground.timeline.note(`${this.#name} loses a message`);
      return;
    }
    const copies = random.chance(faults.queueRepeats) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const late = random.chance(faults.queueDelays) || i > 0 ? random.between(0, LATE_MAX_MS) : random.between(1, 20);
      this.#deliverAfter({ id: `${this.#name}-${++this.#sent}`, body, attempts: 1 }, delaySeconds * 1000 + late);
    }
  }

  #deliverAfter(message: Queued, milliseconds: number): void {
    const { timeline, process } = this.#ground;
    timeline.after(milliseconds, `${this.#name} has ${message.id}`, () => {
      if (!process.alive) return;
      this.#ready.push(message);
      this.#next();
    });
  }

  #next(): void {
    if (this.#consuming || this.#ready.length === 0) return;
    const messages = this.#ready.splice(0, this.#settings.maxBatchSize);
    this.#consuming = true;
    const life = this.#ground.live(`${this.#name} consumer`);
    const answers = new Map<Queued, "ack" | "retry">();
    let over = false;
    const end = (all: "ack" | "retry") => {
      if (over) return;
      over = true;
      life.die("done");
      this.#consuming = false;
      for (const message of messages) if ((answers.get(message) ?? all) === "retry") this.#again(message);
      this.#next();
    };
    // The process is gone, and with it the local queue.
    life.onDeath(() => {
      if (over) return;
      over = true;
      this.#consuming = false;
      this.#ready = [];
    });
    this.#consume(batchOf(this.#name, messages, answers), life).then(
      () => end("ack"),
      () => end("retry"),
    );
  }

  #again(message: Queued): void {
    const { maxRetries, retryDelaySeconds, deadLetterQueue } = this.#settings;
    if (message.attempts > maxRetries) {
      deadLetterQueue?.enqueue(message.body, 0);
      return;
    }
    message.attempts += 1;
    this.#deliverAfter(message, retryDelaySeconds * 1000);
  }
}

function batchOf(queue: string, messages: readonly Queued[], answers: Map<Queued, "ack" | "retry">) {
  const answer = (message: Queued, how: "ack" | "retry") => () => {
    if (!answers.has(message)) answers.set(message, how);
  };
  const all = (how: "ack" | "retry") => () => {
    for (const message of messages) answer(message, how)();
  };
  return {
    queue,
    metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } },
    messages: messages.map((message) => ({
      id: message.id,
      timestamp: new Date(0),
      body: message.body,
      attempts: message.attempts,
      ack: answer(message, "ack"),
      retry: answer(message, "retry"),
    })),
    ackAll: all("ack"),
    retryAll: all("retry"),
  };
}
