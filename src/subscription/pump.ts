import {
  DELIVERERS_MAX,
  QUEUE_DELAY_MAX_SECONDS,
  QUEUE_DELAY_MIN_MS,
  RETRY_ALARM_SLACK_MS,
  RETRY_BLOCKED_MS,
  SENDS_PER_DELIVERER_MAX,
  WAKE_BACKSTOP_MS,
} from "../core/limits.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Intake } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import type { Part, Report } from "./rpc.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Settlement } from "./settlement.ts";
import type { Known, SubscriptionState } from "./state.ts";

interface WaitingReport {
  readonly report: Report;
  readonly answer: (part: Part | null) => void;
  readonly fail: (thrown: unknown) => void;
}

/**
 * Keeps sends going: leases what is ready and hands it to deliverers, takes their reports, and makes sure that
 * something comes back to look (the queue, the alarm) for all that is not ready yet.
 */
export class Pump {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  readonly #scheduler: Scheduler;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #clock: ClockWatch;
  #running: Promise<void> | null = null;
  #again = false;
  #reports: WaitingReport[] = [];
  /** When the retry message under way is due; null = there is none, as far as we know. */
  #hintAt: number | null = null;

  constructor(
    deps: SubscriptionDeps,
    parts: {
      state: SubscriptionState;
      scheduler: Scheduler;
      settlement: Settlement;
      intake: Intake;
      outbox: Outbox;
    },
  ) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#scheduler = parts.scheduler;
    this.#settlement = parts.settlement;
    this.#intake = parts.intake;
    this.#outbox = parts.outbox;
    this.#clock = new ClockWatch(parts.state);
  }

  /**
   * Leases and starts deliverers until nothing is ready or there is no room. Called from a wake, the alarm and the
   * queue's consumer, never from a report. When it resolves, what it leased is durable, or the alarm is set.
   */
  run(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#loop().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** The queue says that something may be due. */
  async retryDue(): Promise<void> {
    this.#hintAt = null;
    await this.run();
  }

  /** A deliverer's results; answers with its next part. Reports that arrive together are one commit. */
  report(report: Report): Promise<Part | null> {
    return new Promise((answer, fail) => {
      if (this.#reports.length === 0) this.#deps.defer(() => this.#flush());
      this.#reports.push({ report, answer, fail });
    });
  }

  /**
   * Sets alarm and queue for everything that waits for a time. What could be done now has either been done (`ran`) or is
   * left to the caller, so nothing here asks to be called at once again and again.
   */
  arm(ran: boolean): void {
    void this.#outbox.flush();
    const known = this.#state.known;
    if (known === null || known.runtime.phase === "deleted") return;
    const now = this.#deps.now();
    this.#armExpiry();
    const { health, state, quietUntil } = known.runtime;
    if (state !== "active") return;
    if (health.state === "failing") this.#armProbe(health.nextProbeAt ?? now, now, ran);
    else if (quietUntil > now) this.#deps.alarm(quietUntil);
    else {
      this.#armRetry(known, now, ran);
      // Ready but for the rate limit, or for a batch that is not full: nothing else comes back at that moment.
      const openAt = this.#scheduler.openAt(known, now);
      if (Number.isFinite(openAt) && openAt > now) this.#deps.alarm(openAt);
    }
  }

  #armExpiry(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const flight of this.#state.flights.values()) earliest = Math.min(earliest, flight.expiresAt);
    if (Number.isFinite(earliest)) this.#deps.alarm(earliest);
  }

  /** A probe waits for its time and for what is still under way; a run that found nothing to probe waits for news. */
  #armProbe(nextProbeAt: number, now: number, ran: boolean): void {
    if (!this.#unsettledOrUnread()) return;
    if (nextProbeAt > now) this.#deps.alarm(nextProbeAt);
    else if (!ran && this.#state.flights.size === 0) this.#deps.alarm(now);
  }

  async #loop(): Promise<void> {
    try {
      const known = this.#state.known;
      if (known !== null && this.#clock.look(known, this.#deps.now())) this.#commit();
      do {
        this.#again = false;
        const parts = this.#leaseParts();
        await Promise.all(parts.map((part) => this.#start(part)));
        if (await this.#intake.fill()) this.#again = true;
      } while (this.#again);
    } catch (thrown) {
      // The log was out of reach: nothing is lost, the alarm looks again.
      this.#deps.log("pull-failed", { subscription: this.#state.known?.config.id, message: String(thrown) });
      this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
    }
    this.arm(true);
  }

  #leaseParts(): Part[] {
    const known = this.#state.known;
    if (known === null) return [];
    const now = this.#deps.now();
    const parts: Part[] = [];
    const deliverers = new Set([...this.#state.flights.values()].map((flight) => flight.deliverer));
    while (deliverers.size + parts.length < DELIVERERS_MAX) {
      const part = this.#scheduler.lease(known, SENDS_PER_DELIVERER_MAX, null, now);
      if (part === null) break;
      parts.push(part);
    }
    if (parts.length > 0) this.#commit();
    return parts;
  }

  async #start(part: Part): Promise<void> {
    try {
      await this.#deps.deliver(part);
    } catch (thrown) {
      // Perhaps it was taken over all the same: only expiry ends the lease.
      this.#deps.log("deliverer-not-started", { subscription: part.target.id, message: String(thrown) });
    }
  }

  #flush(): void {
    const waiting = this.#reports;
    this.#reports = [];
    const known = this.#state.known;
    if (known === null || known.runtime.phase === "deleted") {
      for (const { answer } of waiting) answer(null);
      return;
    }
    try {
      const now = this.#deps.now();
      this.#clock.look(known, now);
      for (const { report } of waiting) {
        for (const result of report.results) {
          this.#settlement.apply(known, result, now);
          if (result.kind !== "unsent") this.#scheduler.took(result.durationMilliseconds);
        }
      }
      const parts = waiting.map(({ report }) => this.#scheduler.lease(known, report.wants, report.deliverer, now));
      this.#commit();
      waiting.forEach((one, index) => {
        this.#answer(known, one, parts[index] ?? null);
      });
    } catch (thrown) {
      for (const { fail } of waiting) fail(thrown);
      return;
    }
    this.#after(known);
  }

  /** A deliverer that found nothing gets a second look once what is missing was read. */
  #answer(known: Known, waiting: WaitingReport, part: Part | null): void {
    const { report, answer, fail } = waiting;
    const missing = part === null && report.wants > 0 && this.#scheduler.wanted(known, this.#deps.now()) !== null;
    if (missing) this.#secondLook(report).then(answer, fail);
    else answer(part);
  }

  async #secondLook(report: Report): Promise<Part | null> {
    try {
      await this.#intake.fill();
    } catch {
      this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
      return null;
    }
    const known = this.#state.known;
    if (known === null) return null;
    const part = this.#scheduler.lease(known, report.wants, report.deliverer, this.#deps.now());
    if (part !== null) this.#commit();
    this.#after(known);
    return part;
  }

  #after(known: Known): void {
    const now = this.#deps.now();
    this.arm(false);
    // More than the reporting deliverers could take: the alarm starts others (a report must not: calls would nest).
    if (this.#scheduler.hasReady(known, now)) this.#deps.alarm(now);
    else if (this.#scheduler.wanted(known, now) !== null) this.#deps.background(this.#readAhead());
  }

  async #readAhead(): Promise<void> {
    try {
      const came = await this.#intake.fill();
      const known = this.#state.known;
      const now = this.#deps.now();
      const more = came && known !== null && this.#scheduler.wanted(known, now) !== null;
      if (known !== null && (more || (came && this.#scheduler.hasReady(known, now)))) this.#deps.alarm(now);
      this.arm(false);
    } catch {
      this.#deps.alarm(this.#deps.now() + WAKE_BACKSTOP_MS);
    }
  }

  #commit(): void {
    const live = new Set([...this.#state.flights.values()].map((flight) => flight.deliverer));
    for (const deliverer of this.#state.filled.keys()) {
      if (!live.has(deliverer)) this.#state.filled.delete(deliverer);
    }
    this.#state.commit();
    this.#armExpiry();
  }

  /** One message for the earliest retry; the alarm stands behind it in case the queue loses it. */
  #armRetry(known: Known, now: number, ran: boolean): void {
    const due = this.#scheduler.nextRetryAt(known);
    if (!Number.isFinite(due)) return;
    if (due <= now) {
      // Due and not taken although we ran: there is no room (a report will make some), or something is out of reach.
      if (ran && this.#state.flights.size === 0) this.#deps.alarm(now + RETRY_BLOCKED_MS);
      return;
    }
    if (due - now < QUEUE_DELAY_MIN_MS) {
      this.#deps.alarm(due);
      return;
    }
    this.#deps.alarm(due + RETRY_ALARM_SLACK_MS);
    if (this.#hintAt !== null && this.#hintAt <= due) return;
    this.#hintAt = due;
    const delay = Math.min(Math.ceil((due - now) / 1000), QUEUE_DELAY_MAX_SECONDS);
    this.#deps.background(
      this.#deps.scheduleRetry(delay).catch(() => {
        this.#hintAt = null;
        this.#deps.alarm(due);
      }),
    );
  }

  /** The alarm: what is due by now no queue message will bring any more. */
  forgetHint(): void {
    if (this.#hintAt !== null && this.#hintAt <= this.#deps.now()) this.#hintAt = null;
  }

  #unsettledOrUnread(): boolean {
    const { lanes, buffer, caughtUp } = this.#state;
    return lanes.unsettled > 0 || lanes.waiting.size > 0 || buffer.length > 0 || !caughtUp;
  }
}
