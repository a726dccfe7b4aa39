import { DurableObject } from "cloudflare:workers";
import { newId } from "../core/ids.ts";
import { WAKE_BACKSTOP_MS } from "../core/limits.ts";
import { VERSION } from "../core/version.ts";
import type { RetryMessage } from "../directory/rpc.ts";
import { logLine } from "../log.ts";
import { randomBytes } from "../random.ts";
import { directory, topicLog } from "../rpc/objects.ts";
import { ObjectAlarm } from "../storage/alarm.ts";
import { durableSql } from "../storage/durable-sql.ts";
import { migrate } from "../storage/migrate.ts";
import { SubscriptionMachine } from "./machine.ts";
import { subscriptionMigrations } from "./migrations.ts";
import type { SubscriptionRpc } from "./rpc.ts";

/** The Durable Object of one subscription, named `<tenant>/<id>`: wiring, no rules. */
export class Subscription extends DurableObject<Env> implements SubscriptionRpc {
  /** Rows written since the object woke: what the platform bills. */
  readonly meter = { rowsWritten: 0, rowsRead: 0 };
  readonly #alarm: ObjectAlarm;
  #machine: SubscriptionMachine | null = null;
  /** Finding it costs as much as a call of it. */
  #deliverer: Cloudflare.Exports["Deliverer"] | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#alarm = new ObjectAlarm(ctx.storage, this.meter);
    ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.load();
      this.#machine = this.#open();
    });
  }

  #open(): SubscriptionMachine {
    const name = this.ctx.id.name ?? "";
    const sql = durableSql(this.ctx.storage, this.meter);
    migrate(sql, subscriptionMigrations);
    return new SubscriptionMachine({
      sql,
      version: VERSION,
      now: () => Date.now(),
      chance: () => Math.random(),
      newAttemptId: () => newId("att", Date.now(), randomBytes(10)),
      defer: (run) => {
        setTimeout(run, 0);
      },
      sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
      alarm: (at) => {
        this.#alarm.earlier(at).catch((thrown: unknown) => {
          // Storage that refuses an alarm refuses the commit around it as well: the callers have heard.
          logLine("alarm-refused", { object: this.ctx.id.name ?? "", message: String(thrown) });
        });
      },
      background: (work) => this.ctx.waitUntil(work),
      wipe: async () => {
        await this.ctx.storage.deleteAll();
        this.#alarm.fired();
        this.#machine = this.#open();
      },
      topicLog: (tenant, topic) => topicLog(this.env, tenant, topic),
      directory: (tenant) => directory(this.env, tenant),
      deliver: async (part) => {
        this.#deliverer ??= this.ctx.exports.Deliverer;
        try {
          await this.#deliverer.run(part);
        } catch (thrown) {
          // A stub that threw once must not be used again.
          this.#deliverer = null;
          throw thrown;
        }
      },
      scheduleRetry: async (delaySeconds) => {
        const message: RetryMessage = { version: 1, subscription: name };
        await this.env.RETRIES.send(message, { delaySeconds });
      },
      sendDeadLetter: async (message) => {
        await this.env.DEAD_LETTERS.send(message);
      },
      log: (event, fields) => logLine(event, fields),
    });
  }

  get #opened(): SubscriptionMachine {
    if (this.#machine === null) throw new Error("The object is used before it was opened.");
    return this.#machine;
  }

  // The platform exposes methods of the prototype only, so each is spelled out.

  async create(...args: Parameters<SubscriptionRpc["create"]>): ReturnType<SubscriptionRpc["create"]> {
    return this.#opened.create(...args);
  }

  async view(): ReturnType<SubscriptionRpc["view"]> {
    return this.#opened.view();
  }

  async patch(...args: Parameters<SubscriptionRpc["patch"]>): ReturnType<SubscriptionRpc["patch"]> {
    return this.#opened.patch(...args);
  }

  async pause(): ReturnType<SubscriptionRpc["pause"]> {
    return this.#opened.pause();
  }

  async resume(): ReturnType<SubscriptionRpc["resume"]> {
    return this.#opened.resume();
  }

  async remove(): ReturnType<SubscriptionRpc["remove"]> {
    return this.#opened.remove();
  }

  async wake(...args: Parameters<SubscriptionRpc["wake"]>): ReturnType<SubscriptionRpc["wake"]> {
    return this.#opened.wake(...args);
  }

  async retryDue(): ReturnType<SubscriptionRpc["retryDue"]> {
    return this.#opened.retryDue();
  }

  async report(...args: Parameters<SubscriptionRpc["report"]>): ReturnType<SubscriptionRpc["report"]> {
    return this.#opened.report(...args);
  }

  async deliveries(...args: Parameters<SubscriptionRpc["deliveries"]>): ReturnType<SubscriptionRpc["deliveries"]> {
    return this.#opened.deliveries(...args);
  }

  async delivery(...args: Parameters<SubscriptionRpc["delivery"]>): ReturnType<SubscriptionRpc["delivery"]> {
    return this.#opened.delivery(...args);
  }

  async deliveryAt(...args: Parameters<SubscriptionRpc["deliveryAt"]>): ReturnType<SubscriptionRpc["deliveryAt"]> {
    return this.#opened.deliveryAt(...args);
  }

  async retry(...args: Parameters<SubscriptionRpc["retry"]>): ReturnType<SubscriptionRpc["retry"]> {
    return this.#opened.retry(...args);
  }

  async cancel(...args: Parameters<SubscriptionRpc["cancel"]>): ReturnType<SubscriptionRpc["cancel"]> {
    return this.#opened.cancel(...args);
  }

  async rotateSecret(
    ...args: Parameters<SubscriptionRpc["rotateSecret"]>
  ): ReturnType<SubscriptionRpc["rotateSecret"]> {
    return this.#opened.rotateSecret(...args);
  }

  async seek(...args: Parameters<SubscriptionRpc["seek"]>): ReturnType<SubscriptionRpc["seek"]> {
    return this.#opened.seek(...args);
  }

  async redrive(...args: Parameters<SubscriptionRpc["redrive"]>): ReturnType<SubscriptionRpc["redrive"]> {
    return this.#opened.redrive(...args);
  }

  async deleteDeadLetters(
    ...args: Parameters<SubscriptionRpc["deleteDeadLetters"]>
  ): ReturnType<SubscriptionRpc["deleteDeadLetters"]> {
    return this.#opened.deleteDeadLetters(...args);
  }

  async stats(...args: Parameters<SubscriptionRpc["stats"]>): ReturnType<SubscriptionRpc["stats"]> {
    return this.#opened.stats(...args);
  }

  async testTarget(): ReturnType<SubscriptionRpc["testTarget"]> {
    return this.#opened.testTarget();
  }

  async expire(...args: Parameters<SubscriptionRpc["expire"]>): ReturnType<SubscriptionRpc["expire"]> {
    return this.#opened.expire(...args);
  }

  async erased(...args: Parameters<SubscriptionRpc["erased"]>): ReturnType<SubscriptionRpc["erased"]> {
    return this.#opened.erased(...args);
  }

  async expiring(...args: Parameters<SubscriptionRpc["expiring"]>): ReturnType<SubscriptionRpc["expiring"]> {
    return this.#opened.expiring(...args);
  }

  async outboxAcknowledged(
    ...args: Parameters<SubscriptionRpc["outboxAcknowledged"]>
  ): ReturnType<SubscriptionRpc["outboxAcknowledged"]> {
    return this.#opened.outboxAcknowledged(...args);
  }

  override async alarm(): Promise<void> {
    this.#alarm.fired();
    try {
      await this.#opened.onAlarm();
    } catch (thrown) {
      // The platform gives up after six throws; the alarm is what carries everything unsettled, so it never throws.
      logLine("alarm-failed", { object: this.ctx.id.name ?? "", message: String(thrown) });
      await this.#alarm.earlier(Date.now() + WAKE_BACKSTOP_MS);
    }
  }
}
