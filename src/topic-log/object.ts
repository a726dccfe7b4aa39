import { DurableObject } from "cloudflare:workers";
import { WAKE_BACKSTOP_MS } from "../core/limits.ts";
import { logLine } from "../log.ts";
import { subscription } from "../rpc/objects.ts";
import { eventsPlace, publishOperational } from "../rpc/operational-events.ts";
import { ObjectAlarm } from "../storage/alarm.ts";
import { durableSql } from "../storage/durable-sql.ts";
import { migrate } from "../storage/migrate.ts";
import { Log } from "./log.ts";
import { topicLogMigrations } from "./migrations.ts";
import type { TopicLogRpc } from "./rpc.ts";

/** The Durable Object of one topic partition, named `<tenant>/<topic>/<partition>`: wiring, no rules. */
export class TopicLog extends DurableObject<Env> implements TopicLogRpc {
  /** Rows written since the object woke: what the platform bills. */
  readonly meter = { rowsWritten: 0, rowsRead: 0 };
  readonly #alarm: ObjectAlarm;
  #log: Log | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#alarm = new ObjectAlarm(ctx.storage, this.meter);
    ctx.blockConcurrencyWhile(async () => {
      const pending = await ctx.storage.getAlarm();
      await this.#alarm.load();
      this.#log = this.#open(pending);
    });
  }

  #open(pendingAlarm: number | null): Log {
    const [tenant = "", topic = "", partition = "0"] = (this.ctx.id.name ?? "").split("/");
    const sql = durableSql(this.ctx.storage, this.meter);
    migrate(sql, topicLogMigrations);
    return new Log(
      {
        sql,
        topic,
        partition: Number(partition),
        now: () => Date.now(),
        newTag,
        defer: (run, milliseconds) => {
          setTimeout(run, milliseconds);
        },
        alarm: (at) => {
          this.#alarm.earlier(at).catch((thrown: unknown) => {
            // Storage that refuses an alarm refuses the commit around it as well: the callers have heard.
            logLine("alarm-refused", { object: this.ctx.id.name ?? "", message: String(thrown) });
          });
        },
        background: (work) => this.ctx.waitUntil(work),
        wake: (id, wake) => subscription(this.env, tenant, id).wake(wake),
        expire: (id, through) => subscription(this.env, tenant, id).expire(through),
        expiring: (id, through) => subscription(this.env, tenant, id).expiring(through),
        erased: (id, erased) => subscription(this.env, tenant, id).erased(erased),
        publish: (event) => publishOperational([event], eventsPlace(this.env, tenant)),
        removeSubscription: async (id) => {
          const removed = await subscription(this.env, tenant, id).remove();
          if (!removed.ok && removed.error.code !== "not-found") throw new Error(removed.error.code);
        },
        log: (event, fields) => logLine(event, { tenant, topic, partition: Number(partition), ...fields }),
      },
      pendingAlarm,
    );
  }

  get #opened(): Log {
    if (this.#log === null) throw new Error("The object is used before it was opened.");
    return this.#log;
  }

  // The platform exposes methods of the prototype only, so each is spelled out.

  async create(...args: Parameters<TopicLogRpc["create"]>): ReturnType<TopicLogRpc["create"]> {
    return this.#opened.create(...args);
  }

  async configure(...args: Parameters<TopicLogRpc["configure"]>): ReturnType<TopicLogRpc["configure"]> {
    return this.#opened.configure(...args);
  }

  async describe(): ReturnType<TopicLogRpc["describe"]> {
    return this.#opened.describe();
  }

  async types(): ReturnType<TopicLogRpc["types"]> {
    return this.#opened.types();
  }

  async append(...args: Parameters<TopicLogRpc["append"]>): ReturnType<TopicLogRpc["append"]> {
    return this.#opened.append(...args);
  }

  async read(...args: Parameters<TopicLogRpc["read"]>): ReturnType<TopicLogRpc["read"]> {
    return this.#opened.read(...args);
  }

  async testFilter(...args: Parameters<TopicLogRpc["testFilter"]>): ReturnType<TopicLogRpc["testFilter"]> {
    return this.#opened.testFilter(...args);
  }

  async event(...args: Parameters<TopicLogRpc["event"]>): ReturnType<TopicLogRpc["event"]> {
    return this.#opened.event(...args);
  }

  async erase(...args: Parameters<TopicLogRpc["erase"]>): ReturnType<TopicLogRpc["erase"]> {
    return this.#opened.erase(...args);
  }

  async eraseKey(...args: Parameters<TopicLogRpc["eraseKey"]>): ReturnType<TopicLogRpc["eraseKey"]> {
    return this.#opened.eraseKey(...args);
  }

  async matching(...args: Parameters<TopicLogRpc["matching"]>): ReturnType<TopicLogRpc["matching"]> {
    return this.#opened.matching(...args);
  }

  async register(...args: Parameters<TopicLogRpc["register"]>): ReturnType<TopicLogRpc["register"]> {
    return this.#opened.register(...args);
  }

  async setFilter(...args: Parameters<TopicLogRpc["setFilter"]>): ReturnType<TopicLogRpc["setFilter"]> {
    return this.#opened.setFilter(...args);
  }

  async unregister(...args: Parameters<TopicLogRpc["unregister"]>): ReturnType<TopicLogRpc["unregister"]> {
    return this.#opened.unregister(...args);
  }

  async fetchFor(...args: Parameters<TopicLogRpc["fetchFor"]>): ReturnType<TopicLogRpc["fetchFor"]> {
    return this.#opened.fetchFor(...args);
  }

  async previousFor(...args: Parameters<TopicLogRpc["previousFor"]>): ReturnType<TopicLogRpc["previousFor"]> {
    return this.#opened.previousFor(...args);
  }

  async peekFor(...args: Parameters<TopicLogRpc["peekFor"]>): ReturnType<TopicLogRpc["peekFor"]> {
    return this.#opened.peekFor(...args);
  }

  async locate(...args: Parameters<TopicLogRpc["locate"]>): ReturnType<TopicLogRpc["locate"]> {
    return this.#opened.locate(...args);
  }

  async countFor(...args: Parameters<TopicLogRpc["countFor"]>): ReturnType<TopicLogRpc["countFor"]> {
    return this.#opened.countFor(...args);
  }

  async eventCounts(...args: Parameters<TopicLogRpc["eventCounts"]>): ReturnType<TopicLogRpc["eventCounts"]> {
    return this.#opened.eventCounts(...args);
  }

  async destroy(...args: Parameters<TopicLogRpc["destroy"]>): ReturnType<TopicLogRpc["destroy"]> {
    return this.#opened.destroy(...args);
  }

  override async alarm(): Promise<void> {
    this.#alarm.fired();
    try {
      await this.#opened.onAlarm();
    } catch (thrown) {
      // The platform gives up after six throws; the alarm is what carries undelivered news, so it never throws.
      logLine("alarm-failed", { object: this.ctx.id.name ?? "", message: String(thrown) });
      await this.#alarm.earlier(Date.now() + WAKE_BACKSTOP_MS);
    }
  }
}

function newTag(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 256) * 2 ** 32 + low;
}
