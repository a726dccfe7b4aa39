import { randomBytes } from "node:crypto";
import { type Api, isUnknown, type Said, succeeded } from "./api.ts";
import { type Asked, type Filter, now, type SubscriptionRecord } from "./journal.ts";
import type { Operation, SubscriptionPlan } from "./plan.ts";
import { pick } from "./posts.ts";
import type { Stage } from "./stage.ts";

type ManagerOperation = Extract<Operation, { on: string }>;

const TRIES_MAX = 6;
const TIMEOUT_SECONDS = 1;
const GRACES_SECONDS = [0, 2, 86_400] as const;
const FILTERS: readonly Filter[] = [
  { types: [], atLeast: null },
  { types: ["order.*"], atLeast: null },
  { types: [], atLeast: 30 },
];

const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;
const filterJson = ({ types, atLeast }: Filter) => ({
  ...(types.length === 0 ? {} : { types }),
  ...(atLeast === null ? {} : { match: { data: { n: { $gte: atLeast } } } }),
});

/** What people do to subscriptions. What got no answer is asked again, so that its outcome is known in the end. */
export class Manager {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async carryOut(operation: ManagerOperation): Promise<void> {
    await this.#stage.locked(operation.on, async () => {
      const record = this.#stage.current.get(operation.on);
      if (record === undefined) return;
      await this.#act(record, operation);
    });
  }

  async create(plan: SubscriptionPlan): Promise<SubscriptionRecord> {
    const endpoint = await this.#stage.endpoint(plan);
    const secret = newSecret();
    const header = randomBytes(12).toString("hex");
    this.#stage.journal.neverShown.add(header);
    this.#stage.journal.shownOnce.add(secret);
    const { name, topic, ordering, format, start, filter, concurrency, batch, rateLimit } = plan;
    const retry = { scheduleSeconds: plan.scheduleSeconds, jitter: 0, holdAfterFailures: plan.holdAfterFailures };
    const document = {
      ...{ topic, url: endpoint.url, ordering, format, start, filter: filterJson(filter), concurrency, secret, retry },
      ...(batch === null ? {} : { batch }),
      ...(rateLimit === null ? {} : { rateLimit }),
      ...{ timeoutSeconds: TIMEOUT_SECONDS, headers: { "x-team": header } },
    };
    const { whole, last } = await this.#ask(plan.tenant, "PUT", `/v1/subscriptions/${name}`, document);
    if (!succeeded(last)) throw new Error(`subscription ${name}: ${last.status} ${last.text}`);
    const { id }: { id: string } = JSON.parse(last.text);
    const record: SubscriptionRecord = {
      ...{ plan, id, created: whole, start, deleteAsked: null, deleted: false },
      filters: [{ ...whole, filter }],
      secrets: [{ secret, from: whole.asked, sure: whole.done, until: Infinity, mayEnd: Infinity }],
      ...{ unknownSecrets: [], headerValues: [header], stops: [], resumes: [], seeks: [], retries: [] },
      ...{ cancels: [], redrives: [] },
    };
    this.#stage.journal.subscriptions.push(record);
    this.#stage.current.set(name, record);
    return record;
  }

  async pause(record: SubscriptionRecord): Promise<void> {
    const { last } = await this.#on(record, "POST", "/pause");
    if (last.status === 200) record.stops.push({ why: "pause", from: last.done, until: Number.POSITIVE_INFINITY });
  }

  async resume(record: SubscriptionRecord): Promise<void> {
    const asked = now();
    for (const stop of record.stops) stop.until = Math.min(stop.until, stop.why === "pause" ? asked : stop.until);
    const { whole } = await this.#on(record, "POST", "/resume");
    record.resumes.push(whole);
  }

  async remove(record: SubscriptionRecord): Promise<void> {
    record.deleteAsked ??= now();
    const { last } = await this.#on(record, "DELETE", "");
    // 404: an earlier try, whose answer was lost, has done it.
    if (last.status !== 204 && last.status !== 404) return;
    record.deleted = true;
    record.stops.push({ why: "delete", from: last.done, until: Number.POSITIVE_INFINITY });
    this.#stage.current.delete(record.plan.name);
  }

  async redrive(record: SubscriptionRecord, eventIds: readonly string[] | null = null): Promise<void> {
    const { whole, last, tries } = await this.#on(
      record,
      "POST",
      "/dead-letters/redrive",
      eventIds === null ? {} : { eventIds },
    );
    const redriven: number | null = last.status === 202 && tries === 1 ? JSON.parse(last.text).redriven : null;
    record.redrives.push({ ...whole, eventIds, redriven });
  }

  async #act(record: SubscriptionRecord, { do: act, choice }: ManagerOperation): Promise<void> {
    switch (act) {
      case "pause":
        return this.pause(record);
      case "resume":
        return this.resume(record);
      case "delete":
        await this.remove(record);
        if (record.deleted) await this.create(record.plan);
        return;
      case "patch":
        return this.#patch(record, choice);
      case "rotate":
        return this.#rotate(record, pick(GRACES_SECONDS, choice) ?? 0);
      case "seek":
        return this.#seek(record, choice);
      case "redrive":
        return this.#redriveSome(record, choice);
      case "retry":
      case "cancel":
        return this.#byHand(record, act, choice);
      case "test":
        await this.#once(record, "POST", "/test");
    }
  }

  async #patch(record: SubscriptionRecord, choice: number): Promise<void> {
    if (choice < 0.5) {
      await this.#on(record, "PATCH", "", {
        description: `changed ${choice}`,
        concurrency: 4 + Math.floor(choice * 40),
      });
      return;
    }
    const filter = pick(FILTERS, choice * 2 - 1) ?? record.plan.filter;
    const { whole, last } = await this.#on(record, "PATCH", "", { filter: filterJson(filter) });
    if (last.status !== null) record.filters.push({ ...whole, filter });
  }

  async #rotate(record: SubscriptionRecord, graceSeconds: number): Promise<void> {
    const said = await this.#once(record, "POST", "/rotate-secret", { graceSeconds });
    if (isUnknown(said)) {
      // A secret nobody has seen may sign from now on, beside the old ones or alone.
      record.unknownSecrets.push({ from: said.asked, until: Number.POSITIVE_INFINITY });
      for (const known of record.secrets) known.mayEnd = Math.min(known.mayEnd, said.asked);
      return;
    }
    if (said.status !== 200) return;
    const { secret, previousExpiresAt }: { secret: string; previousExpiresAt: string } = JSON.parse(said.text);
    this.#stage.journal.shownOnce.add(secret);
    const ends = graceSeconds === 0 ? said.done : Date.parse(previousExpiresAt);
    for (const known of record.secrets) {
      known.mayEnd = Math.min(known.mayEnd, graceSeconds === 0 ? said.asked : ends);
      known.until = Math.min(known.until, ends);
    }
    for (const unknown of record.unknownSecrets) unknown.until = Math.min(unknown.until, ends);
    const newest = { secret, from: said.asked, sure: said.done };
    record.secrets.push({ ...newest, until: Number.POSITIVE_INFINITY, mayEnd: Number.POSITIVE_INFINITY });
  }

  async #seek(record: SubscriptionRecord, choice: number): Promise<void> {
    const to = choice < 0.15 ? "earliest" : choice < 0.4 ? "latest" : { offset: 1 + Math.floor(choice * 40) };
    if (choice > 0.9) await this.#once(record, "POST", "/seek", { to, dryRun: true });
    const said = await this.#once(record, "POST", "/seek", { to });
    if (said.status === 404 || said.status === 405 || said.status === 422) return;
    const places: { from: { offset: number }[]; to: { offset: number }[] } | null = succeeded(said)
      ? JSON.parse(said.text)
      : null;
    const { asked, done, status } = said;
    record.seeks.push({
      ...{ asked, done, status },
      from: places?.from[0]?.offset ?? null,
      to: places?.to[0]?.offset ?? null,
    });
  }

  async #redriveSome(record: SubscriptionRecord, choice: number): Promise<void> {
    const { tenant } = record.plan;
    const listed = await this.#once(record, "GET", `?/v1/dead-letters?subscription=${record.id}`);
    const letters: { eventId: string }[] = listed.status === 200 ? JSON.parse(listed.text).data : [];
    if (letters.length === 0 || tenant === "") return;
    if (choice < 0.5) return this.redrive(record);
    await this.redrive(
      record,
      letters.slice(0, 1 + Math.floor(choice * 3)).map(({ eventId }) => eventId),
    );
  }

  async #byHand(record: SubscriptionRecord, act: "retry" | "cancel", choice: number): Promise<void> {
    const listed = await this.#once(record, "GET", "/deliveries");
    const deliveries: { eventId: string }[] = listed.status === 200 ? JSON.parse(listed.text).data : [];
    const delivery = pick(deliveries, choice);
    if (delivery === undefined) return;
    const { eventId } = delivery;
    const { asked, done, status } = await this.#once(record, "POST", `/deliveries/${eventId}/${act}`);
    (act === "retry" ? record.retries : record.cancels).push({ asked, done, status, eventId });
  }

  #on(record: SubscriptionRecord, method: string, path: string, body?: unknown) {
    return this.#ask(record.plan.tenant, method, `/v1/subscriptions/${record.id}${path}`, body);
  }

  /** One try. A path that begins with `?/` stands for itself. */
  async #once(record: SubscriptionRecord, method: string, path: string, body?: unknown): Promise<Said> {
    await this.#stage.power.up;
    const whole = path.startsWith("?/") ? path.slice(1) : `/v1/subscriptions/${record.id}${path}`;
    return this.#api(record.plan.tenant).send(method, whole, body);
  }

  /** Until it is answered. `whole` spans all tries. */
  async #ask(tenant: string, method: string, path: string, body?: unknown) {
    const asked = now();
    let tries = 0;
    for (;;) {
      await this.#stage.power.up;
      const last = await this.#api(tenant).send(method, path, body);
      tries += 1;
      const whole: Asked = { asked, done: last.done, status: last.status };
      if (!isUnknown(last) || tries === TRIES_MAX) return { whole, last, tries };
    }
  }

  #api(tenant: string): Api {
    return this.#stage.api(tenant);
  }
}
