import { OUTBOX_RESEND_FIRST_MS, OUTBOX_RESEND_MAX_MS } from "../core/limits.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import { publishOperational } from "../rpc/operational-events.ts";
import { announcementsThrough } from "./announce.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { OutboxRow } from "./model.ts";
import type { Known, SubscriptionState } from "./state.ts";

/** Carries effects to other objects: each is a row until the other side has acknowledged it, sent again until then. */
export class Outbox {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /**
   * Sends what is due, in the background, and sets the alarm for what is not acknowledged. Resolves when all of it was
   * tried; never rejects.
   */
  async flush(): Promise<void> {
    const known = this.#state.known;
    if (known === null || this.#state.outbox.size === 0) return;
    const now = this.#deps.now();
    const due: OutboxRow[] = [];
    let announcement: OutboxRow | null = null;
    for (const row of this.#state.outbox.values()) {
      if (row.nextAt > now) {
        this.#deps.alarm(row.nextAt);
        continue;
      }
      row.nextAt = now + Math.min(OUTBOX_RESEND_FIRST_MS * 2 ** row.tries, OUTBOX_RESEND_MAX_MS);
      row.tries += 1;
      this.#deps.alarm(row.nextAt);
      // The newest takes the older ones along, so that nothing overtakes another.
      if (row.body.kind === "announce") announcement = row;
      else due.push(row);
    }
    if (announcement !== null) due.push(announcement);
    const sends = due.map((row) => this.#send(known, row));
    for (const send of sends) this.#deps.background(send);
    await Promise.all(sends);
  }

  /** What a deleted subscription leaves is freed with the last acknowledgement, whichever it is. */
  acknowledge(ids: readonly number[]): void {
    for (const id of ids) this.#state.dropOutbox(id);
    this.#state.commit();
    const deleted = this.#state.known?.runtime.phase === "deleted";
    if (deleted && this.#state.outbox.size === 0) this.#deps.background(this.#deps.wipe());
  }

  async #send(known: Known, row: OutboxRow): Promise<void> {
    try {
      await this.#carry(known, row);
    } catch {
      // The alarm set above sends it again.
      this.#deps.log("outbox-send-failed", { subscription: known.config.id, kind: row.body.kind, tries: row.tries });
    }
  }

  async #carry(known: Known, row: OutboxRow): Promise<void> {
    const { tenant, id, name, topic } = known.config;
    switch (row.body.kind) {
      case "dead-letter": {
        const { action, letter } = row.body;
        // Acknowledged by its consumer, once it is in the tenant's index: the local queue forgets messages.
        const message = { version: 1, tenant, subscription: id, name, outbox: row.id, action, letter } as const;
        return this.#deps.sendDeadLetter(message);
      }
      case "remove-letters":
        await this.#deps.directory(tenant).removeDeadLetters(row.body.letters);
        return this.acknowledge([row.id]);
      case "announce": {
        const { ids, events } = announcementsThrough(row, this.#state, known);
        await publishOperational(events, {
          log: () => this.#deps.topicLog(tenant, EVENTS_TOPIC),
          directory: () => this.#deps.directory(tenant),
        });
        return this.acknowledge(ids);
      }
      case "set-filter": {
        const now = this.#state.known ?? known;
        const log = this.#deps.topicLog(tenant, topic);
        const done = await log.setFilter(id, now.config.filter, now.runtime.filterVersion);
        // Not registered any more: then nobody filters for it.
        if (!done.ok && done.error.code !== "not-found") throw new Error(done.error.code);
        return this.acknowledge([row.id]);
      }
      case "unregister": {
        const done = await this.#deps.topicLog(tenant, topic).unregister(id);
        if (!done.ok) throw new Error(done.error.code);
        return this.acknowledge([row.id]);
      }
      case "leave-directory":
        await this.#deps.directory(tenant).removeSubscription(id);
        return this.acknowledge([row.id]);
    }
  }
}
