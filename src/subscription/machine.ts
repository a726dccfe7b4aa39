import { type Problem, problem } from "../core/errors.ts";
import { decodeEventId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Erased, Start, Wake, WakeAnswer } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import { ExpiryWarning } from "./expiring.ts";
import { Expiry } from "./expiry.ts";
import { Forgetting } from "./forgetting.ts";
import { HealthKeeper } from "./health.ts";
import { History } from "./history.ts";
import { Intake } from "./intake.ts";
import { targetOf } from "./leases.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Manual } from "./manual.ts";
import { Outbox } from "./outbox.ts";
import { Pump } from "./pump.ts";
import { Redrive } from "./redrive.ts";
import type {
  DeliveriesQuery,
  Delivery,
  LetterSelection,
  Part,
  Report,
  SeekAnswer,
  StatsAnswer,
  StatsQuery,
  SubscriptionConfig,
  SubscriptionPatch,
  SubscriptionView,
} from "./rpc.ts";
import { Scheduler } from "./scheduler.ts";
import { Seek } from "./seek.ts";
import { Settlement } from "./settlement.ts";
import { type Known, SubscriptionState } from "./state.ts";
import { Stats } from "./stats.ts";
import { SubscriptionStore } from "./store.ts";

export const NO_SUBSCRIPTION: Problem = problem("not-found", "There is no such subscription.");

/**
 * A cursor over a log that pushes events to a subscriber, and all that is known of each delivery. Never awaits a
 * subscriber. The object around it (object.ts) gives it the platform; the simulation gives it a virtual one.
 */
export class SubscriptionMachine {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #pump: Pump;
  readonly #lifecycle: Lifecycle;
  readonly #history: History;
  readonly #manual: Manual;
  readonly #expiry: Expiry;
  readonly #expiryWarning: ExpiryWarning;
  readonly #seek: Seek;
  readonly #redrive: Redrive;
  readonly #stats: Stats;
  readonly #forgetting: Forgetting;

  constructor(deps: SubscriptionDeps) {
    const store = new SubscriptionStore(deps.sql);
    const state = new SubscriptionState(store, deps.now());
    const scheduler = new Scheduler(deps, state);
    this.#deps = deps;
    this.#state = state;
    this.#settlement = new Settlement(deps, state, new HealthKeeper(deps, state));
    this.#outbox = new Outbox(deps, state);
    this.#lifecycle = new Lifecycle(deps, { state, store, outbox: this.#outbox });
    this.#history = new History(deps, { state, store, scheduler });
    this.#intake = new Intake(deps, { state, scheduler, settlement: this.#settlement, history: this.#history });
    this.#seek = new Seek(deps, state);
    this.#redrive = new Redrive(deps, state);
    this.#stats = new Stats(state, store);
    this.#forgetting = new Forgetting(deps, state, store);
    const parts = { state, scheduler, settlement: this.#settlement, intake: this.#intake, outbox: this.#outbox };
    this.#pump = new Pump(deps, parts);
    this.#expiry = new Expiry(deps, { state, settlement: this.#settlement, history: this.#history });
    this.#expiryWarning = new ExpiryWarning(deps, state);
    this.#manual = new Manual(deps, { state, history: this.#history });
  }

  async create(config: SubscriptionConfig, start: Start): Promise<Result<SubscriptionView, Problem>> {
    const created = await this.#lifecycle.create(config, start);
    return created.ok ? this.view() : created;
  }

  async view(): Promise<Result<SubscriptionView, Problem>> {
    const known = this.#live();
    return known === null ? err(NO_SUBSCRIPTION) : ok(await this.#view(known));
  }

  async patch(patch: SubscriptionPatch): Promise<Result<SubscriptionView, Problem>> {
    return this.#changing((known) => this.#lifecycle.patch(known, patch));
  }

  async pause(): Promise<Result<SubscriptionView, Problem>> {
    return this.#changing((known) => this.#lifecycle.pause(known));
  }

  async resume(): Promise<Result<SubscriptionView, Problem>> {
    return this.#changing(async (known) => this.#lifecycle.resume(known));
  }

  async remove(): Promise<Result<null, Problem>> {
    const known = this.#state.known;
    if (known === null) return err(NO_SUBSCRIPTION);
    await this.#lifecycle.remove(known);
    return ok(null);
  }

  /** Answers once what it was told is durable: in a lease, or by an alarm that will pull it. */
  async wake(wake: Wake): Promise<WakeAnswer> {
    const known = this.#state.known;
    const { incarnation } = this.#state;
    if (known === null || known.runtime.phase === "deleted") return { mode: "gone", incarnation };
    this.#intake.accept(known, wake);
    await this.#pump.run();
    return { mode: this.#state.caughtUp ? "push" : "pull", incarnation };
  }

  async retryDue(): Promise<void> {
    if (this.#live() !== null) await this.#pump.retryDue();
  }

  report(report: Report): Promise<Part | null> {
    return this.#pump.report(report);
  }

  async deliveries(
    query: DeliveriesQuery,
  ): Promise<Result<{ deliveries: readonly Delivery[]; next: number | null }, Problem>> {
    const known = this.#live();
    return known === null ? err(NO_SUBSCRIPTION) : this.#history.list(known, query);
  }

  async delivery(eventId: string): Promise<Result<Delivery, Problem>> {
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    const offset = decodeEventId(eventId)?.offset;
    const delivery = offset === undefined ? null : await this.#history.at(known, offset);
    if (delivery === null || delivery.eventId !== eventId) {
      return err(problem("not-found", "This subscription has no delivery of such an event."));
    }
    return ok(delivery);
  }

  async deliveryAt(offset: number): Promise<Result<Delivery | null, Problem>> {
    const known = this.#live();
    return known === null ? err(NO_SUBSCRIPTION) : ok(await this.#history.at(known, offset));
  }

  async retry(eventId: string): Promise<Result<Delivery, Problem>> {
    const previous = await this.#previousOf(eventId);
    return this.#manually(eventId, (known, delivery) => this.#manual.retry(known, delivery, previous));
  }

  async cancel(eventId: string): Promise<Result<Delivery, Problem>> {
    return this.#manually(eventId, (known, delivery) => this.#manual.cancel(known, delivery));
  }

  /** The log is about to drop everything up to `through`. Throws when that must wait. */
  async expire(through: number): Promise<void> {
    const known = this.#state.known;
    if (known === null || known.runtime.phase === "deleted") return;
    // It has its start already, and not yet the means to settle anything.
    if (known.runtime.phase === "creating") throw new Error("The subscription is being created.");
    if (this.#seek.underWay > 0) throw new Error("A seek is under way.");
    await this.#expiry.expire(known, through);
    void this.#outbox.flush();
  }

  async erased(erased: Erased): Promise<void> {
    if (this.#state.known !== null) await this.#forgetting.forget(erased);
  }

  /** The log will drop everything up to `through` before long. Throws when it must ask again. */
  async expiring(through: number): Promise<void> {
    const known = this.#state.known;
    if (known === null || known.runtime.phase === "deleted") return;
    if (known.runtime.phase === "creating") throw new Error("The subscription is being created.");
    await this.#expiryWarning.warn(known, through);
    void this.#outbox.flush();
  }

  async rotateSecret(
    ciphertext: string,
    graceMilliseconds: number,
  ): Promise<Result<{ previousExpiresAt: number }, Problem>> {
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    const rotated = await this.#lifecycle.rotate(known, ciphertext, graceMilliseconds);
    return rotated.ok ? ok({ previousExpiresAt: rotated.value }) : rotated;
  }

  async seek(to: Start, dryRun: boolean): Promise<Result<SeekAnswer, Problem>> {
    const known = this.#live();
    return known === null ? err(NO_SUBSCRIPTION) : this.#seek.seek(known, to, dryRun);
  }

  /** The index has heard of it by the answer, or hears of it by the outbox. */
  async redrive(selection: LetterSelection): Promise<Result<{ redriven: number }, Problem>> {
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    const redriven = this.#redrive.redrive(known, selection);
    await this.#outbox.flush();
    return ok({ redriven });
  }

  async deleteDeadLetters(selection: LetterSelection): Promise<Result<{ deleted: number }, Problem>> {
    if (this.#live() === null) return err(NO_SUBSCRIPTION);
    const deleted = this.#redrive.delete(selection);
    await this.#outbox.flush();
    return ok({ deleted });
  }

  async stats(query: StatsQuery): Promise<Result<StatsAnswer, Problem>> {
    return this.#live() === null ? err(NO_SUBSCRIPTION) : ok(this.#stats.count(query));
  }

  async testTarget(): Promise<Result<Part["target"], Problem>> {
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    if (known.runtime.state === "active") return ok(targetOf(known.config, this.#deps.now()));
    return err(problem("conflict", "The subscription is not active; resume it first."));
  }

  outboxAcknowledged(ids: readonly number[]): void {
    if (this.#state.known !== null) this.#outbox.acknowledge(ids);
  }

  /** The object's alarm: leases that ran out, retries, probes, unacknowledged effects. Sets the next one by itself. */
  async onAlarm(): Promise<void> {
    const known = this.#state.known;
    if (known === null) return;
    if (known.runtime.phase === "creating") await this.#lifecycle.finishCreation();
    if (known.runtime.phase !== "deleted") {
      if (this.#settlement.expire(known, this.#deps.now()) > 0) this.#state.commit();
      this.#pump.forgetHint();
      this.#intake.confirm();
      await this.#pump.run();
    } else {
      void this.#outbox.flush();
    }
  }

  #live(): Known | null {
    const known = this.#state.known;
    return known?.runtime.phase === "live" ? known : null;
  }

  async #changing(change: (known: Known) => Promise<void>): Promise<Result<SubscriptionView, Problem>> {
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    await change(known);
    return this.view();
  }

  /** For an event that is about to be tried for the first time although its turn has passed. */
  async #previousOf(eventId: string): Promise<number> {
    const known = this.#live();
    const offset = decodeEventId(eventId)?.offset;
    if (known === null || offset === undefined) return 0;
    const { tenant, topic, id } = known.config;
    const previous = await this.#deps.topicLog(tenant, topic).previousFor(id, offset, known.runtime.floor);
    return previous.ok ? previous.value : 0;
  }

  async #manually(
    eventId: string,
    act: (known: Known, delivery: Delivery) => Result<null, Problem>,
  ): Promise<Result<Delivery, Problem>> {
    const delivery = await this.delivery(eventId);
    if (!delivery.ok) return delivery;
    const known = this.#live();
    if (known === null) return err(NO_SUBSCRIPTION);
    const done = act(known, delivery.value);
    if (!done.ok) return done;
    void this.#outbox.flush();
    return this.delivery(eventId);
  }

  async #view(known: Known): Promise<SubscriptionView> {
    const waiting = await this.#history.waiting(known);
    const { config, runtime } = known;
    const { holes, flights, lanes, cursor } = this.#state;
    const ids = [...holes.values()].map((hole) => hole.eventId);
    for (const flight of flights.values()) ids.push(flight.entry.id);
    const [next] = waiting.events;
    if (next !== undefined) ids.push(next.id);
    const scanned = waiting.unread === 0 && !waiting.events.some((event) => event.offset > cursor);
    return {
      config,
      state: runtime.state,
      disabledReason: runtime.disabledReason,
      cursor: scanned ? Math.max(cursor, waiting.head) : cursor,
      lag: lanes.unsettled + waiting.events.length + waiting.unread,
      oldestUnsettledAt: oldest(ids),
      health: runtime.health,
      redrive: runtime.redrive,
    };
  }
}

/** Unix ms at which the oldest of these events was received. */
function oldest(eventIds: readonly string[]): number | null {
  const times = eventIds.map((id) => decodeEventId(id)?.time ?? Number.POSITIVE_INFINITY);
  const earliest = Math.min(...times);
  return Number.isFinite(earliest) ? earliest : null;
}
