import {
  DELIVERER_LIFE_MS,
  LEASE_GRACE_MS,
  REPORT_LINGER_MS,
  REPORT_RETRY_FIRST_MS,
  REPORT_TRIES_MAX,
  SEND_START_MAX_MS,
  SENDS_PER_DELIVERER_MAX,
} from "../core/limits.ts";
import type { Part, Report, Send, SendResult } from "../subscription/rpc.ts";

/** What a deliverer needs of the world; the simulation brings its own. */
export interface WorkDeps {
  /** Carries out one send and never rejects. */
  send(send: Send, part: Part): Promise<SendResult>;
  /** Tells the subscription what came of sends; answers with more of them or null. Rejects when the call failed. */
  report(part: Part, report: Report): Promise<Part | null>;
  /** A report was given up: its leases will expire by themselves. */
  reportGivenUp(part: Part, results: number): void;
  /** Unix milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const REPORT_RETRY_FACTOR = 4;

/**
 * The life of a deliverer: carries out the sends of its part, reports what came of them, takes on the part that a report
 * answers with, and ends when there is nothing more or its time is up. Never rejects.
 */
export function workPart(first: Part, deps: WorkDeps): Promise<void> {
  return new Work(first, deps).run();
}

class Work {
  readonly #deps: WorkDeps;
  readonly #startedAt: number;
  readonly #deliverer: number;
  /** The newest part: its target says how long a further send may take. */
  #part: Part;
  #underWay = 0;
  /** How many may be: those of the present part beside those that were under way when it came. */
  #placesMax = 0;
  /** Those of the present part that wait for a place. */
  #queue: { readonly send: Send; readonly at: number }[] = [];
  /** Completed and not yet reported. */
  #results: SendResult[] = [];
  /** How many of the results, from the first, a report under way carries. */
  #inReport = 0;
  /** Called at the next completion or at the end of the linger. */
  #notify: () => void = () => undefined;
  #lingered = false;
  /** Tells the present linger from those that a report made pointless. */
  #linger = 0;

  constructor(first: Part, deps: WorkDeps) {
    this.#deps = deps;
    this.#startedAt = deps.now();
    this.#deliverer = first.deliverer;
    this.#part = first;
    this.#take(first);
  }

  async run(): Promise<void> {
    while (this.#underWay > 0 || this.#results.length > 0) {
      await this.#reportDue();
      const answer = await this.#report();
      if (answer === "failed" && this.#underWay === 0) return;
      if (answer === "failed" || answer === null) continue;
      this.#part = answer;
      this.#take(answer);
    }
  }

  /**
   * Starts what may still be started, each at its time and when it has a place; the rest is reported as not sent, and costs nothing. A part that
   * came late is late as a whole: sends that should have begun by now would otherwise begin all at once, and the rate
   * limit that spaced them would be no limit.
   */
  #take(part: Part): void {
    const now = this.#deps.now();
    const firstAt = Math.max(part.leasedAt, Math.min(...part.sends.map(({ startAt }) => startAt)));
    const lateBy = Math.max(0, now - firstAt);
    this.#placesMax = Math.min(this.#underWay + part.places, SENDS_PER_DELIVERER_MAX);
    for (const send of part.sends) {
      const at = Math.max(now, send.startAt + lateBy);
      if (at > lastStart(part)) this.#completed(unsent(send));
      else if (this.#underWay < this.#placesMax) this.#start(send, part, at);
      else this.#queue.push({ send, at });
    }
    if (this.#queue.length > 0) void this.#deps.sleep(lastStart(part) - now + 1).then(() => this.#startQueued(part));
  }

  /** Those of the part that have waited for a place, as far as there are places; none once its time is over. */
  #startQueued(part: Part): void {
    if (part !== this.#part) return;
    const now = this.#deps.now();
    if (now > lastStart(part)) this.#dropQueue();
    while (this.#underWay < this.#placesMax) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#start(next.send, part, Math.max(now, next.at));
    }
  }

  #dropQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { send } of queue) this.#completed(unsent(send));
  }

  /** It is under way from now on: one that waits for its time keeps its place. */
  #start(send: Send, part: Part, at: number): void {
    this.#underWay++;
    void this.#sendAt(at, send, part).then((result) => {
      this.#underWay--;
      if (asksForQuiet(result)) this.#dropQueue();
      else this.#startQueued(this.#part);
      this.#completed(result);
    });
  }

  async #sendAt(at: number, send: Send, part: Part): Promise<SendResult> {
    // Up: a rate gives parts of milliseconds, which a clock has not.
    const wait = Math.ceil(at - this.#deps.now());
    if (wait > 0) await this.#deps.sleep(wait);
    // On a busy machine a sleep is longer than was asked for.
    return this.#deps.now() > lastStart(part) ? unsent(send) : this.#deps.send(send, part);
  }

  #completed(result: SendResult): void {
    this.#results.push(result);
    if (this.#results.length === this.#inReport + 1) this.#startLinger();
    this.#notify();
  }

  /** Gives the sends that are nearly done the time to be reported together with the first. */
  #startLinger(): void {
    this.#lingered = false;
    const linger = ++this.#linger;
    void this.#deps.sleep(REPORT_LINGER_MS).then(() => {
      if (linger !== this.#linger) return;
      this.#lingered = true;
      this.#notify();
    });
  }

  /** Resolves when all are done, or when the first unreported one has waited long enough for the others. */
  async #reportDue(): Promise<void> {
    while ((this.#underWay > 0 || this.#queue.length > 0) && !this.#lingered) {
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
  }

  /** Reports are idempotent, so one that failed (and may have been applied) is sent again, with all that is done by then. */
  async #report(): Promise<Part | null | "failed"> {
    let pause = REPORT_RETRY_FIRST_MS;
    for (let tries = 1; tries <= REPORT_TRIES_MAX; tries++) {
      const results = this.#takeIntoReport();
      try {
        const report = { deliverer: this.#deliverer, results, wants: this.#wants() };
        const next = await this.#deps.report(this.#part, report);
        this.#results = this.#results.slice(results.length);
        this.#inReport = 0;
        return next;
      } catch {
        if (tries < REPORT_TRIES_MAX) await this.#deps.sleep(pause);
        pause *= REPORT_RETRY_FACTOR;
      }
    }
    this.#deps.reportGivenUp(this.#part, this.#results.length);
    this.#inReport = 0;
    this.#startLinger();
    return "failed";
  }

  #takeIntoReport(): readonly SendResult[] {
    this.#inReport = this.#results.length;
    this.#lingered = false;
    this.#linger++;
    return [...this.#results];
  }

  /** None while sends wait for one. */
  #places(): number {
    return this.#queue.length > 0 ? 0 : SENDS_PER_DELIVERER_MAX - this.#underWay;
  }

  /** How many more sends fit: none once a send begun now could outlive the invocation. */
  #wants(): number {
    const elapsed = this.#deps.now() - this.#startedAt;
    const needed = this.#part.target.timeoutSeconds * 1000 + LEASE_GRACE_MS;
    return elapsed + needed <= DELIVERER_LIFE_MS ? this.#places() : 0;
  }
}

/** After this a send is not begun any more: who pauses or deletes the subscription waits for it. */
const lastStart = (part: Part): number => part.leasedAt + SEND_START_MAX_MS;

const QUIET_STATUSES: readonly (number | null)[] = [null, 410, 429, 503];

/** No answer at all, or one that wants nothing more for now: the subscription decides what is sent next, if anything. */
const asksForQuiet = (result: SendResult): boolean =>
  result.kind !== "unsent" && QUIET_STATUSES.includes(result.statusCode);

const unsent = ({ lease, event, attemptId }: Send): SendResult => ({
  lease,
  offset: event.offset,
  attemptId,
  kind: "unsent",
});
