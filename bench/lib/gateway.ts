import type { Tally } from "../cost/counts.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./workers.ts";

const ROOT_KEY = "root-key-of-the-bench";
const OBJECT = { useSQLite: true };

/** As wrangler.toml binds them. */
const OPTIONS = {
  bindings: {
    SLUICE_ROOT_KEY: ROOT_KEY,
    SLUICE_ENCRYPTION_KEY: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    ALLOW_PRIVATE_TARGETS: "true",
    TOPICS_AUTO_CREATE: "true",
  },
  durableObjects: {
    TOPIC_LOG: { className: "TopicLog", ...OBJECT },
    SUBSCRIPTION: { className: "Subscription", ...OBJECT },
    DIRECTORY: { className: "Directory", ...OBJECT },
  },
  queueProducers: { RETRIES: "sluice-retries", DEAD_LETTERS: "sluice-dead-letters" },
  queueConsumers: {
    "sluice-retries": {
      maxBatchSize: 100,
      maxBatchTimeout: 0,
      maxRetries: 3,
      retryDelay: 1,
      deadLetterQueue: "sluice-dead-letters",
    },
    "sluice-dead-letters": { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 10, retryDelay: 5 },
  },
};

/** The gateway in a workerd of its own, and the calls that set a measurement up. */
export class Gateway {
  readonly worker: RunningWorker;
  readonly headers: Readonly<Record<string, string>>;
  #names = 0;

  private constructor(worker: RunningWorker, tenant: string) {
    this.worker = worker;
    this.headers = {
      authorization: `Bearer ${ROOT_KEY}`,
      "content-type": "application/json",
      "sluice-tenant": tenant,
    };
  }

  /** `entry`: the gateway itself, or a Worker around it that counts. */
  static async start(entry = "src/worker.ts", more: WorkerOptions = {}): Promise<Gateway> {
    return new Gateway(await startWorker(entry, { ...OPTIONS, ...more }), "default");
  }

  /** The same gateway, for another tenant. */
  ofTenant(tenant: string): Gateway {
    return new Gateway(this.worker, tenant);
  }

  /** What was done for this tenant so far: only of a gateway that counts. */
  async tally(): Promise<Tally> {
    const response = await fetch(`${this.worker.origin}/bench/tally`, { headers: this.headers });
    const tally: Tally = JSON.parse(await response.text());
    return tally;
  }

  /** A topic's name that was not used before, in this gateway. */
  freshTopic(): string {
    this.#names += 1;
    return `topic-${this.#names}`;
  }

  eventsUrl(topic: string): string {
    return `${this.worker.origin}/v1/topics/${topic}/events`;
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown> {
    const response = await fetch(`${this.worker.origin}${path}`, {
      method,
      headers: { ...this.headers, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return text === "" ? null : JSON.parse(text);
  }

  async createTopic(): Promise<string> {
    const topic = this.freshTopic();
    await this.call("PUT", `/v1/topics/${topic}`, {});
    return topic;
  }

  /** Returns its name. */
  async subscribe(topic: string, url: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    this.#names += 1;
    const name = `subscription-${this.#names}`;
    await this.call("PUT", `/v1/subscriptions/${name}`, { topic, url, ...more });
    return name;
  }

  /** So many subscriptions, several at a time. */
  async subscribeMany(count: number, make: (index: number) => Parameters<Gateway["subscribe"]>): Promise<string[]> {
    const names: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) names.push(await this.subscribe(...make(index)));
    };
    await Promise.all(Array.from({ length: 16 }, work));
    return names;
  }

  /** Appends so many events, 1,000 a request, four requests at a time. */
  async fill(topic: string, events: number, event = EVENT): Promise<void> {
    let left = events;
    const work = async (): Promise<void> => {
      while (left > 0) {
        const size = Math.min(1000, left);
        left -= size;
        await this.call(
          "POST",
          `/v1/topics/${topic}/events`,
          `[${Array.from({ length: size }, () => event).join(",")}]`,
        );
      }
    };
    await Promise.all(Array.from({ length: 4 }, work));
  }
}

/** What is posted and delivered: a small JSON event, 150 bytes. */
export const EVENT = JSON.stringify({
  type: "order.created",
  data: { order: "ord_81234", customer: "cus_5521", amount: 4200, currency: "EUR", items: [{ sku: "A-1", n: 2 }] },
});
