import { connect } from "node:net";
import { now, type Post } from "./journal.ts";
import type { Manager } from "./manager.ts";
import { isGood } from "./manners.ts";
import { type Kill, TENANTS, TOPIC } from "./plan.ts";
import { BACKOFF, DOOMED, MAIN, POISON, SLOWLY } from "./plan-subscriptions.ts";
import { headersOf, type Posts, pathOf } from "./posts.ts";
import type { Stage, Trap } from "./stage.ts";
import { until, within } from "./until.ts";

/** Posts after which a kill that waits for traffic has had enough of it. */
const POSTS_MAX = 60;
const TRAP_MAX_MS = 10_000;

/** Brings about the moment that a kill of the plan waits for, and resolves when the gateway is up again. */
export class Killer {
  readonly #stage: Stage;
  readonly #posts: Posts;
  readonly #manager: Manager;

  constructor(stage: Stage, posts: Posts, manager: Manager) {
    this.#stage = stage;
    this.#posts = posts;
    this.#manager = manager;
  }

  async carryOut(kill: Kill): Promise<void> {
    const { power } = this.#stage;
    await power.up;
    const back = power.expect({
      kind: kill.kind,
      againAtLine: kill.kind === "starting" ? 10 + kill.count * 4 : null,
      againWhenUp: kill.kind === "twice",
    });
    await this.#bringAbout(kill);
    await back;
  }

  async #bringAbout({ kind, count }: Kill): Promise<void> {
    const { power } = this.#stage;
    switch (kind) {
      case "half-request":
        return this.#rawPost(0.5, "half a request was sent");
      case "unanswered":
        return this.#rawPost(1, "the last byte was sent, no answer yet");
      case "request-received":
        return this.#onTraffic({ ...trap("received", count), matches: isFresh });
      case "answer-written":
        return this.#onTraffic({ ...trap("ended", count), matches: ({ manner }) => isGood(manner) });
      case "backoff":
        return this.#inBackoff(count);
      case "redrive":
        return this.#duringRedrive(count);
      case "after-delete":
        return this.#afterDelete();
      case "after-pause":
        return this.#afterPause();
      case "starting":
      case "twice":
        await this.#post(count);
        power.strike(`after ${count} posts`);
    }
  }

  /** A publish over a raw socket, of which so much is sent when the power goes. */
  async #rawPost(share: number, note: string): Promise<void> {
    const { stage } = { stage: this.#stage };
    const post = this.#posts.make(ordinary("request"));
    const bytes = rawRequest(post, stage.api(post.tenant).headers(headersOf(post)), stage.gateway.port);
    const socket = connect({ host: "localhost", port: stage.gateway.port });
    socket.on("error", () => undefined);
    // An answer that came before the power went, and is never read, would keep the socket from ending.
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const asked = now();
    socket.write(bytes.subarray(0, Math.ceil(bytes.length * share)), () => stage.power.strike(note));
    await within(TRAP_MAX_MS, closed, () => `the connection ends with the gateway (${note})`);
    this.#posts.record(post, { asked, done: now(), status: null, text: "" });
  }

  /** Posts until subscribers have seen what the trap waits for. */
  async #onTraffic(set: Trap): Promise<void> {
    const { journal } = this.#stage;
    const kills = journal.kills.length;
    this.#stage.trap = set;
    for (let posts = 0; posts < POSTS_MAX && journal.kills.length === kills; posts++) {
      await this.#posts.post(ordinary("none"));
    }
    await this.#sprung(set);
  }

  async #inBackoff(count: number): Promise<void> {
    const set: Trap = {
      ...trap("ended", count),
      matches: ({ endpoint, manner }) => endpoint.startsWith(`${BACKOFF}.`) && !isGood(manner),
      note: `a failing delivery was seen ${count} times`,
    };
    this.#stage.trap = set;
    // Each of them fails at least once.
    await this.#posts.post({
      ...ordinary("none"),
      types: Array(count).fill(SLOWLY),
      keys: Array(count).fill(null),
      batch: true,
    });
    await this.#sprung(set);
  }

  async #duringRedrive(count: number): Promise<void> {
    const record = this.#stage.current.get(DOOMED);
    if (record === undefined) return this.#strikeAnyway("nobody to redrive");
    const five = Array.from({ length: 5 }, () => POISON);
    await this.#posts.post({ ...ordinary("request"), types: five, keys: five, batch: true });
    const letters = `/v1/dead-letters?subscription=${record.id}`;
    const api = this.#stage.api(record.plan.tenant);
    await until("there are dead letters", TRAP_MAX_MS, async () => (await api.list(letters)).length >= count);
    const set: Trap = {
      ...trap("received", count),
      matches: ({ endpoint, headers }) =>
        endpoint.startsWith(`${DOOMED}.`) && headers.get("sluice-trigger") === "redrive",
      note: `${count} redriven events arrived`,
    };
    this.#stage.trap = set;
    await this.#stage.locked(DOOMED, () => this.#manager.redrive(record));
    await this.#sprung(set);
  }

  async #afterDelete(): Promise<void> {
    const plan = this.#stage.plan.subscriptions.find(({ name }) => name === MAIN);
    if (plan === undefined) return;
    const short = await this.#manager.create({
      ...plan,
      name: `short-lived-${Math.floor(now() % 1e9)}`,
      ordering: "none",
    });
    await this.#post(3);
    await this.#manager.remove(short);
    this.#stage.power.strike("right after the 2xx of a DELETE");
  }

  async #afterPause(): Promise<void> {
    await this.#stage.locked(MAIN, async () => {
      const record = this.#stage.current.get(MAIN);
      await this.#post(3);
      if (record !== undefined) await this.#manager.pause(record);
      this.#stage.power.strike("right after the 2xx of a pause");
    });
  }

  async #post(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#posts.post(ordinary("none"))));
  }

  async #sprung(set: Trap): Promise<void> {
    await until(set.note, TRAP_MAX_MS, async () => this.#stage.trap !== set).catch(() => undefined);
    this.#strikeAnyway(`${set.note}: it did not come to that`);
  }

  /** Nothing when it has been struck already. */
  #strikeAnyway(note: string): void {
    this.#stage.trap = null;
    if (this.#stage.power.strike(note)) this.#stage.journal.remarks.push(note);
  }
}

const isFresh: Trap["matches"] = ({ headers }) => headers.get("sluice-attempt") === "1";

const trap = (of: Trap["of"], count: number) => ({
  ...{ of, left: count },
  note: of === "received" ? `subscribers had ${count} requests whole` : `the last byte of ${count} answers was written`,
});

const ordinary = (idempotency: "none" | "request") => ({
  ...{ do: "post" as const, tenant: TENANTS[0], topic: TOPIC, types: ["order.paid"], keys: [null], batch: false },
  ...{ idempotency, padding: 100 },
});

function rawRequest(post: Post, headers: Readonly<Record<string, string>>, port: number): Buffer {
  const body = Buffer.from(post.body);
  const fields = Object.entries({ ...headers, host: `localhost:${port}`, "content-length": String(body.length) });
  const head = [`POST ${pathOf(post)} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}
