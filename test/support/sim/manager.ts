import type { Delivery, SubscriptionConfig, SubscriptionRpc } from "../../../src/subscription/rpc.ts";
import type { Start } from "../../../src/topic-log/rpc.ts";
import { FILTERS } from "./content.ts";
import type { Moment, SubscriptionRecord, Try } from "./journal.ts";
import { GENTLE_MANNERS, MANNERS } from "./subscribers.ts";
import { attempt, momentOf } from "./tries.ts";
import type { World } from "./world.ts";

export const TENANT = "acme";
export const TOPIC = "orders";
const SCHEDULES: readonly (readonly number[])[] = [[], [0.4], [1, 2], [0.5, 1, 2], [3, 1, 1.5, 4], [9, 25]];

/** The owner of subscriptions: creates, changes, stops and ends them, and deals with single deliveries. */
export class Manager {
  readonly #world: World;
  readonly #gentle: boolean;
  readonly #replay: boolean;
  /** Subscriptions whose state somebody is changing: one such call at a time, so that its effect is known. */
  readonly #changing = new Set<string>();

  /** `gentle`: subscriptions that are never on hold and have room for all that is due. `replay`: some batched, some paced. */
  constructor(world: World, { gentle, replay }: { gentle: boolean; replay: boolean }) {
    this.#world = world;
    this.#gentle = gentle;
    this.#replay = replay;
  }

  get records(): readonly SubscriptionRecord[] {
    return [...this.#world.journal.subscriptions.values()];
  }

  rpc(id: string): SubscriptionRpc {
    return this.#world.stub<SubscriptionRpc>(this.#world.outside, `sub:${TENANT}/${id}`);
  }

  async subscribe(): Promise<void> {
    const { journal, ground, subscribers } = this.#world;
    const { random } = ground;
    const config = this.#newConfig(`sub_${journal.subscriptions.size + 1}`);
    const start: Start = random.pick<Start>(["latest", "earliest", { offset: 1 }, { offset: 2 }]);
    subscribers.manners.set(config.id, random.pick(this.#gentle ? GENTLE_MANNERS : MANNERS));
    const { holdAfterFailures, onExhausted } = config.retry;
    const canEnd = holdAfterFailures === null && onExhausted === "continue";
    if (canEnd && random.chance(0.2)) subscribers.incurable.add(config.id);
    const tries: Try<boolean>[] = [];
    const asked = momentOf(this.#world);
    const creation = attempt(this.#world, tries, async () => (await this.rpc(config.id).create(config, start)).ok);
    const [one] = tries;
    if (one === undefined) return;
    journal.subscriptions.set(config.id, {
      ...{ config, start, creation: one, stops: [], resumes: [], deleteAsked: null, retries: [], cancels: [] },
      seeks: [],
      filters: [{ value: config.filter, asked, done: asked }],
      orderings: [{ value: config.ordering, asked, done: asked }],
    });
    await creation;
  }

  async patch(): Promise<void> {
    const { random } = this.#world.ground;
    await this.#change(async (record) => {
      const { id } = record.config;
      const asked = momentOf(this.#world);
      const what = random.pick(["filter", "filter", "url", "ordering"]);
      if (what === "url") {
        await attempt(this.#world, [], () => this.rpc(id).patch({ url: `https://new.example/${asked.step}` }));
        return;
      }
      const filter = random.pick(FILTERS);
      const ordering = random.pick(["key", "none", "topic"] as const);
      const patch = what === "filter" ? { filter } : { ordering };
      const place = what === "filter" ? record.filters.length : record.orderings.length;
      const note = (done: Moment | null) => {
        if (what === "filter") record.filters[place] = { value: filter, asked, done };
        else record.orderings[place] = { value: ordering, asked, done };
      };
      note(null);
      const one = await attempt(this.#world, [], () => this.rpc(id).patch(patch));
      if (one.answered === null || one.answered.value.ok) note(one.answered);
      else if (what === "filter") record.filters.splice(place);
      else record.orderings.splice(place);
    });
  }

  async pause(): Promise<void> {
    await this.#change(async (record) => {
      const one = await attempt(this.#world, [], () => this.rpc(record.config.id).pause());
      if (one.answered?.value.ok) record.stops.push({ from: one.answered, until: null });
    });
  }

  async resume(only?: SubscriptionRecord): Promise<void> {
    await this.#change(async (record) => {
      const asked = momentOf(this.#world);
      for (const stop of record.stops) stop.until ??= asked;
      const one = await attempt(this.#world, [], () => this.rpc(record.config.id).resume());
      record.resumes.push({ value: null, asked, done: one.answered });
    }, only);
  }

  async remove(): Promise<void> {
    await this.#change(async (record) => {
      record.deleteAsked ??= momentOf(this.#world);
      const one = await attempt(this.#world, [], () => this.rpc(record.config.id).remove());
      if (one.answered?.value.ok) record.stops.push({ from: one.answered, until: null });
    });
  }

  /** Tries or gives up one delivery, whatever its state: a refusal must change nothing. */
  async handle(): Promise<void> {
    const { random } = this.#world.ground;
    const record = random.pick(this.records);
    if (record === undefined) return;
    const page = await this.#page(record, null, 20);
    const delivery = random.pick(page?.deliveries ?? []);
    if (delivery !== undefined) await this.act(record, delivery, random.pick(["retry", "cancel"]));
  }

  async act(record: SubscriptionRecord, delivery: Delivery, how: "retry" | "cancel"): Promise<void> {
    const asked = momentOf(this.#world);
    const list = how === "retry" ? record.retries : record.cancels;
    const place = list.length;
    list[place] = { value: delivery.eventId, asked, done: null, accepted: true };
    const one = await attempt(this.#world, [], () => this.rpc(record.config.id)[how](delivery.eventId));
    const accepted = one.answered === null || one.answered.value.ok;
    list[place] = { value: delivery.eventId, asked, done: one.answered, accepted };
  }

  /** Goes back or forward in the log, or brings all dead letters back. */
  async replay(): Promise<void> {
    const { random } = this.#world.ground;
    await this.#change(async (record) => {
      const rpc = this.rpc(record.config.id);
      if (random.chance(0.3)) {
        await attempt(this.#world, [], () => rpc.redrive({ eventIds: null, since: null, until: null }));
        return;
      }
      const to: Start = random.pick<Start>(["earliest", "latest", { offset: random.between(1, 40) }]);
      const asked = momentOf(this.#world);
      const place = record.seeks.length;
      record.seeks[place] = { value: null, asked, done: null };
      const one = await attempt(this.#world, [], () => rpc.seek(to, false));
      if (one.answered === null) return;
      if (one.answered.value.ok)
        record.seeks[place] = { value: one.answered.value.value.to, asked, done: one.answered };
      else record.seeks.splice(place);
    });
  }

  /** Pages through a delivery log while everything moves: newest first, nothing twice. */
  async list(): Promise<void> {
    const record = this.#world.ground.random.pick(this.records);
    if (record === undefined) return;
    let before: number | null = null;
    let last = Number.POSITIVE_INFINITY;
    for (let pages = 0; pages < 100; pages++) {
      const page: { deliveries: readonly Delivery[]; next: number | null } | null = await this.#page(record, before, 3);
      if (page === null) return;
      for (const { offset } of page.deliveries) {
        if (offset >= last) this.#world.journal.violations.push(`lists: ${offset} is listed after ${last}`);
        last = offset;
      }
      if (page.next === null) return;
      before = page.next;
    }
    this.#world.journal.violations.push(`lists: no end of the delivery log of ${record.config.id}`);
  }

  async #page(record: SubscriptionRecord, before: number | null, limit: number) {
    const query = { state: null, type: null, since: null, until: null, before, limit };
    const one = await attempt(this.#world, [], () => this.rpc(record.config.id).deliveries(query));
    return one.answered?.value.ok ? one.answered.value.value : null;
  }

  async #change(change: (record: SubscriptionRecord) => Promise<void>, only?: SubscriptionRecord): Promise<void> {
    const record = only ?? this.#world.ground.random.pick(this.records);
    if (record === undefined || this.#changing.has(record.config.id)) return;
    this.#changing.add(record.config.id);
    await change(record);
    this.#changing.delete(record.config.id);
  }

  #newConfig(id: string): SubscriptionConfig {
    const { random, timeline } = this.#world.ground;
    return {
      ...{ id, tenant: TENANT, name: id, topic: TOPIC, url: "https://example.com/hook", description: "" },
      filter: random.pick(FILTERS),
      ordering: random.pick(["key", "key", "topic", "none"]),
      ...{ format: "standard", headers: {}, timeoutSeconds: random.between(1, 3), secrets: [] },
      concurrency: this.#gentle ? 32 : random.pick([1, 2, 5, 10, 32]),
      retry: {
        scheduleSeconds: random.pick(SCHEDULES) ?? [],
        jitter: 0,
        onExhausted: random.chance(0.2) ? "hold-key" : "continue",
        holdAfterFailures: this.#gentle ? null : random.pick([null, null, 2, 4]),
      },
      rateLimit: this.#replay && random.chance(0.3) ? { perSecond: random.between(2, 50) } : null,
      batch: this.#replay && random.chance(0.4) ? { maxEvents: random.between(1, 4), maxWaitMilliseconds: 300 } : null,
      ...{ disableAfterSeconds: null, createdAt: timeline.now, updatedAt: timeline.now },
    };
  }
}
