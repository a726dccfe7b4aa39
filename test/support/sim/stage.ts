import type { NewEvent } from "../../../src/core/event.ts";
import type { DeadLetter, DirectoryRpc } from "../../../src/directory/rpc.ts";
import type { Delivery, SubscriptionConfig, SubscriptionRpc } from "../../../src/subscription/rpc.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Bug } from "./bug.ts";
import { TENANT, TOPIC } from "./manager.ts";
import type { Behaviour, Manner } from "./subscribers.ts";
import { World } from "./world.ts";

export const LOG = `log:${TENANT}/${TOPIC}/0`;
export const DIRECTORY = `dir:${TENANT}`;
export const objectOf = (id: string): string => `sub:${TENANT}/${id}`;

/** A simulated gateway for a scene of one's own: nothing goes wrong unless the scene says so. */
export class Stage {
  readonly world: World;
  readonly log: TopicLogRpc;

  constructor(bug: Bug = {}) {
    this.world = new World(1, bug);
    this.log = this.world.stub<TopicLogRpc>(this.world.outside, LOG);
  }

  subscription(id: string): SubscriptionRpc {
    return this.world.stub<SubscriptionRpc>(this.world.outside, objectOf(id));
  }

  async createTopic(retentionDays = 30): Promise<void> {
    await this.drive(this.log.create({ description: "", retentionDays, retentionBytes: null, types: {} }));
  }

  /** A subscription to everything from the start, without any order, never on hold. */
  async subscribe(id: string, manner: Manner, more: Partial<SubscriptionConfig> = {}): Promise<void> {
    this.world.subscribers.manners.set(id, manner);
    const retry = { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;
    const config: SubscriptionConfig = {
      ...{ id, tenant: TENANT, name: id, topic: TOPIC, url: "https://example.com/hook", description: "" },
      ...{ filter: { types: [], match: {} }, ordering: "none", format: "standard", headers: {}, timeoutSeconds: 1 },
      ...{
        concurrency: 32,
        retry,
        rateLimit: null,
        batch: null,
        disableAfterSeconds: null,
        secrets: [],
        createdAt: 0,
        updatedAt: 0,
      },
      ...more,
    };
    await this.drive(this.subscription(id).create(config, "earliest"));
    await this.pass(100);
  }

  async publish(count = 1): Promise<void> {
    await this.drive(this.post(count));
  }

  /** Posts without waiting for the answer. */
  post(count = 1): ReturnType<TopicLogRpc["append"]> {
    const event: NewEvent = {
      ...{
        type: "a.one",
        key: null,
        time: null,
        source: null,
        subject: null,
        correlationId: null,
        causationId: null,
        cloudEvent: null,
        headers: null,
      },
      ...{ contentType: "application/json", hops: 0, data: new TextEncoder().encode("{}") },
    };
    const events = Array.from({ length: count }, () => ({ ...event, idempotency: null }));
    return this.log.append({ events, idempotency: null, expectedOffset: null, requestId: null });
  }

  /** What a subscriber does with every request from now on; null: what its manner says. */
  behave(id: string, behaviour: Behaviour | null): void {
    const { scripts } = this.world.subscribers;
    if (behaviour === null) scripts.delete(id);
    else scripts.set(id, behaviour);
  }

  /** From now on calls to this object fail; the function returned ends that. */
  outage(name: string): () => void {
    const object = this.world.object(name);
    const { invoke } = object;
    object.invoke = () => Promise.reject(new Error("out of reach"));
    return () => {
      object.invoke = invoke;
    };
  }

  /** The queue brings a message that says that something may be due. */
  hint(id: string, delaySeconds = 0): void {
    this.world.retries.enqueue({ version: 1, subscription: `${TENANT}/${id}` }, delaySeconds);
  }

  /** Lets time pass, and what is due in it happen. */
  async pass(milliseconds: number): Promise<void> {
    const { timeline } = this.world.ground;
    const until = timeline.now + milliseconds;
    while ((timeline.nextAt ?? Number.POSITIVE_INFINITY) <= until) await timeline.advance();
    timeline.now = until;
  }

  /** Lets time pass until this is done. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    work.then(end, end);
    while (!over) if (!(await this.world.ground.timeline.advance())) throw new Error("nothing happens any more");
    return work;
  }

  /** What a subscriber got: offsets, in the order of the requests. */
  offsets(id: string): number[] {
    return this.requests(id).map(({ send }) => send.event.offset);
  }

  async delivery(id: string, offset: number): Promise<Delivery> {
    const answer = await this.drive(this.subscription(id).deliveryAt(offset));
    if (!answer.ok || answer.value === null) throw new Error(`no delivery of ${offset} to ${id}`);
    return answer.value;
  }

  /** What the tenant's index of dead letters lists. */
  async deadLetters(): Promise<readonly DeadLetter[]> {
    const query = { topic: null, subscription: null, reason: null, since: null, until: null, cursor: null, limit: 200 };
    const rpc = this.world.stub<DirectoryRpc>(this.world.outside, DIRECTORY);
    return (await this.drive(rpc.deadLetters(query))).letters;
  }

  requests(id: string) {
    return this.world.journal.requests.filter(({ part }) => part.target.id === id);
  }
}
