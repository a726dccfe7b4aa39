import { PENDING_LISTED_MAX } from "../core/limits.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import { announce } from "./announce.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Known, SubscriptionState } from "./state.ts";

/** Says so, once a segment, when retention is about to reach something that is not settled (API clause 3.5). */
export class ExpiryWarning {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Throws when the log cannot be read. */
  async warn(known: Known, through: number): Promise<void> {
    if (known.config.topic === EVENTS_TOPIC || known.runtime.warnedThrough >= through) return;
    if (!(await this.#somethingWaits(known, through))) return;
    const now = this.#state.known;
    if (now?.runtime.phase !== "live" || now.runtime.warnedThrough >= through) return;
    now.runtime.warnedThrough = through;
    this.#state.touchRuntime();
    announce(this.#state, now, { type: "subscription.expiring", reason: null }, this.#deps.now());
    this.#state.commit();
  }

  async #somethingWaits({ config }: Known, through: number): Promise<boolean> {
    const { holes, flights, lanes, skips, cursor } = this.#state;
    for (const offset of [...holes.keys(), ...flights.keys()]) if (offset <= through) return true;
    const waiting = new Map(lanes.waiting);
    let after = Math.min(cursor + 1, ...waiting.values()) - 1;
    while (after < through) {
      const log = this.#deps.topicLog(config.tenant, config.topic);
      const peeked = await log.peekFor(config.id, after, PENDING_LISTED_MAX);
      if (!peeked.ok) throw new Error(peeked.error.code);
      const { events, scannedTo } = peeked.value;
      for (const { offset, key } of events) {
        const lane = key === null ? undefined : waiting.get(key);
        const waits = offset > cursor || (lane !== undefined && offset >= lane);
        if (waits && offset <= through && !skips.has(offset)) return true;
      }
      if (scannedTo <= after) break;
      after = scannedTo;
    }
    return false;
  }
}
