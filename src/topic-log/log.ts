import { type Problem, problem } from "../core/errors.ts";
import type { AppendedEvent, AppendRequest, LogEvent } from "../core/event.ts";
import type { Filter } from "../core/filter.ts";
import { WAKE_BACKSTOP_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { Appender } from "./appender.ts";
import { Counts } from "./counts.ts";
import type { LogDeps } from "./deps.ts";
import { Erasure } from "./erasure.ts";
import { ExpiryNotice } from "./expiry-notice.ts";
import { FanOut } from "./fan-out.ts";
import { FillingWatch } from "./filling.ts";
import { filterInput } from "./filter-input.ts";
import { Queries } from "./queries.ts";
import { Reader } from "./reader.ts";
import { Registrations } from "./registrations.ts";
import type {
  CountRange,
  EraseAnswer,
  EraseQuery,
  FetchAnswer,
  FetchRequest,
  FilterTestAnswer,
  FilterTestQuery,
  PartitionDescription,
  PeekAnswer,
  ReadAnswer,
  ReadQuery,
  Start,
  TopicSettings,
  TypesDescription,
} from "./rpc.ts";
import { Schemas } from "./schemas.ts";
import { LogState } from "./state.ts";
import { TopicLogStore } from "./store.ts";

const NO_TOPIC = problem("not-found", "There is no such topic.");
const NOT_REGISTERED = problem("not-found", "The topic does not know this subscription.");

/**
 * An ordered, durable log and what its subscriptions have heard of it. Never speaks HTTP. The object around it
 * (object.ts) gives it the platform; the simulation gives it a virtual one.
 */
export class Log {
  readonly #deps: LogDeps;
  readonly #store: TopicLogStore;
  readonly #state: LogState;
  readonly #reader: Reader;
  readonly #appender: Appender;
  readonly #queries: Queries;
  readonly #counts: Counts;
  readonly #erasure: Erasure;
  readonly #fanOut: FanOut;
  readonly #filling: FillingWatch;
  readonly #expiryNotice: ExpiryNotice;
  readonly #schemas: Schemas;
  readonly #registrations: Registrations;
  /** The newest segment when the alarm was last set for retention; the alarm itself sets it again. */
  #armedFor: number | null = null;
  /** Those that were told of the drop under way and have nothing below it. */
  #expiring: Set<string> | null = null;

  constructor(deps: LogDeps, pendingAlarm: number | null) {
    this.#deps = deps;
    this.#store = new TopicLogStore(deps.sql);
    this.#state = new LogState(this.#store);
    this.#reader = new Reader(this.#state, this.#store, deps.partition);
    const parts = { state: this.#state, store: this.#store, reader: this.#reader };
    this.#fanOut = new FanOut(deps, parts, pendingAlarm);
    this.#filling = new FillingWatch(deps, parts);
    this.#expiryNotice = new ExpiryNotice(deps, this.#state, this.#fanOut);
    this.#registrations = new Registrations(parts, this.#fanOut, this.#expiryNotice);
    this.#schemas = new Schemas(this.#state, this.#store);
    this.#appender = new Appender(deps, { ...parts, schemas: this.#schemas }, () => this.#committed());
    this.#queries = new Queries(this.#state, this.#reader);
    this.#counts = new Counts(this.#reader);
    this.#erasure = new Erasure(deps, { ...parts, queries: this.#queries, fanOut: this.#fanOut });
  }

  create(settings: TopicSettings): Result<{ created: boolean; description: PartitionDescription }, Problem> {
    if (this.#state.live !== null) return ok({ created: false, description: this.#describe() });
    const now = this.#deps.now();
    this.#transaction(() => {
      this.#store.putLog({
        ...settings,
        tag: this.#deps.newTag(),
        live: true,
        createdAt: now,
        nextOffset: this.#state.nextOffset,
      });
      this.#state.log = this.#store.log();
      this.#state.openSegment(now);
    });
    this.#armedFor = null;
    return ok({ created: true, description: this.#describe() });
  }

  configure(settings: Partial<TopicSettings>): Result<PartitionDescription, Problem> {
    const log = this.#state.live;
    if (log === null) return err(NO_TOPIC);
    this.#transaction(() => {
      this.#schemas.forgetWarnings(log.types, settings.types ?? log.types);
      this.#store.putLog({ ...log, ...settings });
    });
    this.#state.log = this.#store.log();
    this.#armRetention();
    return ok(this.#describe());
  }

  /** `not-found` tells the `nextOffset` that a topic created now would begin with: a deleted one goes on. */
  describe(): Result<PartitionDescription, Problem> {
    if (this.#state.live !== null) return ok(this.#describe());
    return err({ ...NO_TOPIC, extra: { nextOffset: this.#state.nextOffset } });
  }

  types(): Result<TypesDescription, Problem> {
    const log = this.#state.live;
    return log === null ? err(NO_TOPIC) : ok(this.#schemas.describe(log));
  }

  append(request: AppendRequest): Promise<Result<readonly AppendedEvent[], Problem>> {
    const compiling = this.#schemas.compiling();
    return compiling === null ? this.#appender.append(request) : compiling.then(() => this.#appender.append(request));
  }

  read(query: ReadQuery): Result<ReadAnswer, Problem> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#queries.read(query);
  }

  testFilter(query: FilterTestQuery): Result<FilterTestAnswer, Problem> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#queries.testFilter(query);
  }

  event(id: string): Result<LogEvent, Problem> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#queries.event(id);
  }

  async erase(id: string): Promise<Result<LogEvent, Problem>> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#erasure.erase(id);
  }

  async eraseKey(query: EraseQuery): Promise<Result<EraseAnswer, Problem>> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#erasure.eraseKey(query);
  }

  matching(
    id: string,
    after: string | null,
    limit: number,
  ): Result<{ offset: number; subscriptions: readonly string[]; next: string | null }, Problem> {
    const event = this.event(id);
    if (!event.ok) return event;
    const { offset } = event.value;
    const input = filterInput(event.value);
    const ids = [...this.#fanOut.listeners.values()]
      .filter((one) => one.row.start <= offset && (after === null || one.row.id > after) && one.matches(input))
      .map((one) => one.row.id)
      .sort();
    const page = ids.slice(0, limit);
    return ok({ offset, subscriptions: page, next: ids.length > limit ? (page.at(-1) ?? null) : null });
  }

  register(
    subscription: string,
    filter: Filter,
    filterVersion: number,
    start: Start,
  ): Result<{ cursor: number; head: number }, Problem> {
    if (this.#state.live === null) return err(NO_TOPIC);
    return this.#registrations.register(subscription, filter, filterVersion, start);
  }

  setFilter(subscription: string, filter: Filter, filterVersion: number): Result<null, Problem> {
    const listener = this.#fanOut.listeners.get(subscription);
    if (listener === undefined) return err(NOT_REGISTERED);
    this.#registrations.setFilter(listener, filter, filterVersion);
    return ok(null);
  }

  unregister(subscription: string): Result<null, Problem> {
    if (this.#fanOut.listeners.has(subscription)) this.#store.deleteSubscriber(subscription);
    this.#fanOut.remove(subscription);
    return ok(null);
  }

  fetchFor(request: FetchRequest): Result<FetchAnswer, Problem> {
    const listener = this.#fanOut.listeners.get(request.subscription);
    if (this.#state.live === null || listener === undefined) return err(NOT_REGISTERED);
    if (listener.row.filterVersion !== request.filterVersion) {
      return err(problem("conflict", "The filter of this subscription is being changed."));
    }
    const answer = this.#queries.fetch(request, listener);
    if (request.after !== null) {
      const atHead = answer.fresh.length === 0 && answer.scannedTo >= answer.head;
      this.#fanOut.pulled(listener, request.incarnation, atHead);
    }
    return ok(answer);
  }

  previousFor(subscription: string, offset: number, floor: number): Result<number, Problem> {
    const listener = this.#fanOut.listeners.get(subscription);
    if (this.#state.live === null || listener === undefined) return err(NOT_REGISTERED);
    return ok(this.#queries.previous(offset, floor, listener));
  }

  peekFor(subscription: string, after: number, limit: number): Result<PeekAnswer, Problem> {
    const listener = this.#fanOut.listeners.get(subscription);
    if (this.#state.live === null || listener === undefined) return err(NOT_REGISTERED);
    return ok(this.#queries.peek(after, limit, listener));
  }

  /** For a seek: see TopicLogRpc. Lowering the registration's start makes what comes again one of its events again. */
  locate(subscription: string, to: Start, dryRun: boolean): Result<{ cursor: number; head: number }, Problem> {
    const listener = this.#fanOut.listeners.get(subscription);
    if (this.#state.live === null || listener === undefined) return err(NOT_REGISTERED);
    const { head } = this.#state;
    const cursor = this.#registrations.startOf(to);
    if (!cursor.ok) return cursor;
    if (typeof to === "object" && "offset" in to && to.offset > head) {
      return err(problem("invalid", `The log ends at offset ${head}; "latest" goes beyond it.`));
    }
    if (dryRun) return ok({ cursor: cursor.value, head });
    const start = cursor.value + 1;
    if (start < listener.row.start) {
      const row = { ...listener.row, start };
      this.#store.putSubscriber(row);
      listener.row = row;
    }
    if (cursor.value < head) this.#expiryNotice.begins(listener, cursor.value);
    // What retention is about to drop, and has told this one of already, may be its own again.
    this.#expiring?.delete(subscription);
    return ok({ cursor: cursor.value, head });
  }

  countFor(subscription: string, range: CountRange): Result<{ count: number; scannedTo: number }, Problem> {
    const listener = this.#fanOut.listeners.get(subscription);
    if (this.#state.live === null || listener === undefined) return err(NOT_REGISTERED);
    return ok(this.#counts.waiting(range, listener));
  }

  eventCounts(
    since: number,
    until: number,
    bucketMilliseconds: number,
  ): Result<readonly { readonly start: number; readonly events: number }[], Problem> {
    return this.#state.live === null ? err(NO_TOPIC) : this.#counts.received(since, until, bucketMilliseconds);
  }

  destroy(force: boolean): Result<{ subscriptions: readonly string[] }, Problem> {
    const log = this.#state.live;
    if (log === null) return err(NO_TOPIC);
    const subscriptions = [...this.#fanOut.listeners.keys()];
    if (subscriptions.length > 0 && !force) {
      return err(
        problem("topic-has-subscriptions", "Delete its subscriptions first, or all of it with ?force=true.", {
          extra: { subscriptions: subscriptions.length },
        }),
      );
    }
    this.#store.transaction(() => {
      for (const segment of this.#state.segments) this.#store.dropSegment(segment.id);
      this.#store.dropIdempotency();
      this.#filling.forget();
      this.#schemas.forgetWarnings(log.types, {});
      for (const { row } of this.#fanOut.listeners.values()) this.#store.putSubscriber({ ...row, removing: true });
      this.#store.putLog({ ...log, live: false, nextOffset: this.#state.nextOffset });
    });
    this.#fanOut.clear();
    this.#reader.forget();
    this.#state.reload();
    if (subscriptions.length > 0) this.#deps.alarm(this.#deps.now());
    return ok({ subscriptions });
  }

  /** The object's alarm: retention, reminders, subscriptions of a deleted topic. Sets the next one by itself. */
  async onAlarm(): Promise<void> {
    let settled = await this.#removeOrphans();
    if (this.#state.live !== null) {
      const now = this.#state.time(this.#deps.now());
      if (!(await this.#dropExpired(now))) settled = false;
      if (!(await this.#expiryNotice.tell(now))) settled = false;
      if (!(await this.#filling.tell())) settled = false;
      this.#fanOut.tellAll();
    }
    const soon = this.#deps.now() + WAKE_BACKSTOP_MS;
    if (!settled || this.#fanOut.unfinished) this.#deps.alarm(soon);
    // Of what is due already somebody could not be told just now.
    this.#armRetention(settled ? 0 : soon);
  }

  /** For the next segment that is to be dropped, or of which somebody is to be told before. */
  #armRetention(earliest = 0): void {
    const due = [this.#state.retentionDueAt(), this.#expiryNotice.dueAt].filter((at) => at !== null);
    if (due.length > 0) this.#deps.alarm(Math.max(earliest, Math.min(...due)));
  }

  /**
   * Retention. Nothing is dropped before every subscription has settled what it had not (API clause 3.5); one that
   * cannot be reached holds the segment until it can. False: look again soon.
   */
  async #dropExpired(now: number): Promise<boolean> {
    const through = this.#state.expiredThrough(now);
    if (through === null) return true;
    const told = new Set(this.#fanOut.listeners.keys());
    this.#expiring = told;
    const answers = await Promise.allSettled([...told].map((id) => this.#deps.expire(id, through)));
    this.#expiring = null;
    if (answers.some((one) => one.status === "rejected")) return false;
    // One that came, or went back, while the others were told may begin with what is about to be dropped.
    for (const { row } of this.#fanOut.listeners.values()) if (!told.has(row.id) && row.start <= through) return false;
    const dropped = this.#transaction(() => this.#state.dropThrough(through, now));
    this.#reader.forget();
    this.#deps.log("retention", { segments: dropped, firstOffset: this.#state.firstOffset });
    return true;
  }

  /** In the turn of a commit. Where nobody is to be told, only this sets the alarm that retention needs: once a segment. */
  #committed(): void {
    this.#fanOut.committed();
    this.#filling.committed();
    const { segments } = this.#state;
    if (this.#fanOut.listeners.size > 0 || segments.at(-1)?.id === this.#armedFor) return;
    this.#armedFor = segments.at(-1)?.id ?? null;
    const now = this.#deps.now();
    const due = this.#state.expiredThrough(this.#state.time(now)) === null ? this.#state.retentionDueAt() : now;
    if (due !== null) this.#deps.alarm(due);
  }

  /** What is changed in memory along the way is read again when storage refuses. */
  #transaction<T>(run: () => T): T {
    try {
      return this.#store.transaction(run);
    } catch (thrown) {
      this.#state.reload();
      this.#reader.forget();
      throw thrown;
    }
  }

  /** False while a subscription of a deleted topic has not heard of it. */
  async #removeOrphans(): Promise<boolean> {
    const orphans = this.#store.subscribers().filter((row) => row.removing);
    const told = await Promise.allSettled(
      orphans.map(async ({ id }) => {
        await this.#deps.removeSubscription(id);
        this.#store.deleteSubscriber(id);
      }),
    );
    return told.every((one) => one.status === "fulfilled");
  }

  #describe(): PartitionDescription {
    const { log } = this.#state;
    return {
      description: log?.description ?? "",
      retentionDays: log?.retentionDays ?? 0,
      retentionBytes: log?.retentionBytes ?? null,
      partition: this.#deps.partition,
      firstOffset: this.#state.firstOffset,
      nextOffset: this.#state.nextOffset,
      bytes: this.#state.bytes,
      createdAt: log?.createdAt ?? 0,
      subscriptions: this.#fanOut.listeners.size,
    };
  }
}
