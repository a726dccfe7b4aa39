import { type Problem, problem } from "../core/errors.ts";
import { SECRETS_MAX, SEND_START_MAX_MS, WAKE_BACKSTOP_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Start } from "../topic-log/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Runtime } from "./model.ts";
import type { Outbox } from "./outbox.ts";
import type { SubscriptionConfig, SubscriptionPatch } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";
import type { SubscriptionStore } from "./store.ts";

const LATER = problem("unavailable", "The subscription is being created; look again in a moment.", {
  retryAfterSeconds: 1,
});

const TOO_MANY_SECRETS = `${SECRETS_MAX} secrets sign already; rotate without grace, or wait for the end of one.`;

/** Creating, changing, stopping and ending a subscription. Each step is durable before it is answered. */
export class Lifecycle {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #store: SubscriptionStore;
  readonly #outbox: Outbox;

  constructor(deps: SubscriptionDeps, parts: { state: SubscriptionState; store: SubscriptionStore; outbox: Outbox }) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#store = parts.store;
    this.#outbox = parts.outbox;
  }

  /** Intent → log → directory. A crash in between is finished by the alarm; a refusal is undone. */
  async create(config: SubscriptionConfig, start: Start): Promise<Result<null, Problem>> {
    if (this.#state.known !== null) return err(problem("conflict", "There is such a subscription already."));
    this.#state.known = { config, runtime: newRuntime(start) };
    this.#state.lanes.ordering = config.ordering;
    this.#state.touchRuntime();
    this.#state.commit();
    this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
    return this.finishCreation();
  }

  /** Goes on with a creation wherever it stopped. */
  async finishCreation(): Promise<Result<null, Problem>> {
    const known = this.#state.known;
    if (known === null || known.runtime.phase !== "creating") return ok(null);
    try {
      return await this.#enter(known);
    } catch (thrown) {
      this.#deps.log("creation-postponed", { subscription: known.config.id, message: String(thrown) });
      this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
      return err(LATER);
    }
  }

  async #enter(known: Known): Promise<Result<null, Problem>> {
    const { id, tenant, topic, name, filter } = known.config;
    const log = this.#deps.topicLog(tenant, topic);
    const registered = await log.register(id, filter, known.runtime.filterVersion, known.runtime.start);
    if (!registered.ok) return this.#undo(registered.error);
    if (this.#state.known?.runtime.phase !== "creating") return this.#leave(known);
    const named = await this.#deps.directory(tenant).putSubscription({ id, name, topic });
    if (!named.ok) {
      await log.unregister(id);
      return this.#undo(named.error);
    }
    // Creation may have been finished, or ended, by somebody else meanwhile.
    const now = this.#state.known;
    if (now?.runtime.phase !== "creating") return this.#leave(known);
    const { cursor } = registered.value;
    now.runtime = { ...now.runtime, phase: "live", floor: cursor + 1 };
    this.#state.cursor = cursor;
    this.#state.forgetScan();
    this.#state.touchRuntime();
    this.#state.commit();
    this.#deps.alarm(this.#deps.now());
    return ok(null);
  }

  /** Finished by somebody else: fine. Ended: what was entered just now may have come after it had been taken out. */
  async #leave({ config }: Known): Promise<Result<null, Problem>> {
    if (this.#state.known?.runtime.phase === "live") return ok(null);
    await this.#deps.topicLog(config.tenant, config.topic).unregister(config.id);
    await this.#deps.directory(config.tenant).removeSubscription(config.id);
    return ok(null);
  }

  #undo(error: Problem): Result<null, Problem> {
    // Finished by another call meanwhile: then there is nothing to undo.
    if (this.#state.known?.runtime.phase !== "creating") return ok(null);
    this.#store.deleteSubscription();
    this.#state.load();
    this.#deps.background(this.#deps.wipe());
    return err(error);
  }

  /** Takes effect with the next lease; a changed URL of a failing subscription is probed at once. */
  async patch(known: Known, patch: SubscriptionPatch): Promise<void> {
    const now = this.#deps.now();
    const before = known.config;
    known.config = { ...before, ...patch, updatedAt: now };
    if (patch.ordering !== undefined) this.#state.lanes.ordering = patch.ordering;
    if (patch.url !== undefined && patch.url !== before.url) this.#probeNow(known, now);
    const refiltered = patch.filter !== undefined && JSON.stringify(patch.filter) !== JSON.stringify(before.filter);
    if (refiltered) {
      known.runtime.filterVersion += 1;
      this.#state.forgetScan();
      this.#state.addOutbox({ kind: "set-filter" }, now);
    }
    this.#state.touchRuntime();
    this.#state.commit();
    this.#deps.alarm(now);
    // The log has heard of it by the answer, or hears of it by the outbox (or by the next pull, if that comes first).
    if (refiltered) await this.#outbox.flush();
  }

  /** Answers after the barrier: by then every send that was leased has begun or will not begin. */
  async pause(known: Known): Promise<void> {
    if (known.runtime.state === "active") {
      known.runtime.state = "paused";
      this.#state.touchRuntime();
      this.#state.commit();
    }
    await this.#deps.sleep(SEND_START_MAX_MS);
  }

  resume(known: Known): void {
    const { runtime } = known;
    const now = this.#deps.now();
    if (runtime.state !== "active") {
      // Time spent stopped is not time spent failing, and what a disabling held is due again.
      const { failingSince } = runtime.health;
      runtime.health = { ...runtime.health, failingSince: failingSince === null ? null : now };
      if (runtime.state === "disabled" && runtime.health.state === "healthy") runtime.reopenedAt = now;
      runtime.state = "active";
      runtime.disabledReason = null;
    }
    this.#probeNow(known, now);
    this.#state.touchRuntime();
    this.#state.commit();
    this.#deps.alarm(now);
  }

  /**
   * The new secret signs from the next send on. Without grace every older one ends at once, and the answer waits for the
   * barrier: what was leased with them has begun by then, or will not begin.
   */
  async rotate(known: Known, ciphertext: string, graceMilliseconds: number): Promise<Result<number, Problem>> {
    const now = this.#deps.now();
    const expiresAt = now + graceMilliseconds;
    const older = known.config.secrets
      .map((secret) => ({ ...secret, expiresAt: Math.min(secret.expiresAt ?? expiresAt, expiresAt) }))
      .filter((secret) => secret.expiresAt > now);
    if (older.length >= SECRETS_MAX) return err(problem("limit-reached", TOO_MANY_SECRETS));
    known.config = { ...known.config, secrets: [{ ciphertext, expiresAt: null }, ...older], updatedAt: now };
    this.#state.touchRuntime();
    this.#state.commit();
    if (graceMilliseconds === 0) await this.#deps.sleep(SEND_START_MAX_MS);
    return ok(expiresAt);
  }

  /** Durable stop, then the barrier; the log and the directory hear of it by outbox. */
  async remove(known: Known): Promise<void> {
    if (known.runtime.phase !== "deleted") {
      const now = this.#deps.now();
      const entering = known.runtime.phase === "creating";
      known.runtime.phase = "deleted";
      this.#state.touchRuntime();
      this.#state.addOutbox({ kind: "unregister" }, now);
      this.#state.addOutbox({ kind: "leave-directory" }, now);
      this.#state.commit();
      // Not beside the calls of a creation under way: they might arrive later, and leave a name that nobody removes.
      if (entering) this.#deps.alarm(now + WAKE_BACKSTOP_MS);
      else void this.#outbox.flush();
    }
    await this.#deps.sleep(SEND_START_MAX_MS);
  }

  #probeNow(known: Known, now: number): void {
    const { health } = known.runtime;
    if (health.state !== "failing") return;
    known.runtime.health = { ...health, nextProbeAt: now };
    known.runtime.probes = 0;
  }
}

const newRuntime = (start: Start): Runtime => ({
  phase: "creating",
  state: "active",
  disabledReason: null,
  filterVersion: 1,
  start,
  floor: 1,
  cursor: 0,
  lastMatched: 0,
  health: {
    state: "healthy",
    consecutiveFailures: 0,
    failingSince: null,
    lastError: null,
    nextProbeAt: null,
    lastSuccessAt: null,
    lastFailureAt: null,
  },
  probes: 0,
  probed: 0,
  reopenedAt: 0,
  quietUntil: 0,
  marksFrom: 1,
  soughtThrough: 0,
  skippedBelow: 0,
  redrive: null,
  warnedThrough: 0,
});
