import { isUnknown, type Said } from "./api.ts";
import { BAD_POSTS, type BadPost } from "./bad-posts.ts";
import type { Appended, Post, PostedEvent, Try } from "./journal.ts";
import type { Operation } from "./plan.ts";
import type { Stage } from "./stage.ts";

type PostOperation = Extract<Operation, { do: "post" }>;

const NO_BODY: readonly [string, () => BadPost] = ["no body", () => ({ body: "" })];
const JSON_TYPE = "application/json";
/** Begins every marker: found in a log line it is a payload that got there. */
export const MARK = "mk~";

/** Publishes: good and bad, once and again, with and without keys of idempotency. */
export class Posts {
  readonly #stage: Stage;
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async post(operation: PostOperation): Promise<Post> {
    const post = this.make(operation);
    await this.send(post);
    return post;
  }

  /** A post, written down and not sent yet. */
  make({ tenant, topic, types, keys, batch, idempotency, padding }: PostOperation): Post {
    const n = ++this.#count;
    const events = types.map((type, index): PostedEvent => {
      const marker = `${MARK}${tenant}~${n}~${index}~`;
      const key = keys[index] ?? null;
      // Text that a JSON library would write otherwise.
      const data = `{"m": "${marker}", "n":${(n * 7 + index) % 100}.0,  "big":9007199254740993, "s":"\\ud800 é", "p":"${"x".repeat(padding)}"}`;
      return { marker, type, key, data, idempotencyKey: idempotency === "events" ? `event-${n}-${index}` : null };
    });
    const texts = events.map(eventText);
    return this.#written({
      ...{ tenant, topic, kind: "good", note: batch ? `batch of ${events.length}` : "single", events },
      requestKey: idempotency === "request" ? `request-${n}` : null,
      contentType: JSON_TYPE,
      body: batch ? `[${texts.join(", ")}]` : (texts[0] ?? ""),
      tries: [],
    });
  }

  async send(post: Post): Promise<Try> {
    const api = this.#stage.api(post.tenant);
    return this.record(post, await api.send("POST", pathOf(post), post.body, headersOf(post)));
  }

  record(post: Post, said: Said): Try {
    const { asked, done, status, text } = said;
    const body: { events?: Appended[]; code?: string } & Partial<Appended> = status === null ? {} : parsed(text);
    const answer = status === 202 ? (body.events ?? [body as Appended]) : null;
    const one: Try = { asked, done, status, answer, code: body.code ?? null };
    post.tries.push(one);
    return one;
  }

  /** Sends an earlier one again, whatever became of it. */
  async repeat(choice: number): Promise<void> {
    const again = pick(this.#good().filter(hasKey), choice);
    if (again !== undefined) await this.send(again);
  }

  /** The key of one that was answered, with other bytes. */
  async conflict(choice: number): Promise<void> {
    const answered = this.#good().filter((post) => post.requestKey !== null && post.tries.some(({ answer }) => answer));
    const known = pick(answered, choice);
    if (known === undefined) return;
    const { tenant, topic, requestKey } = known;
    const n = ++this.#count;
    const data = `{"m":"${MARK}${tenant}~${n}~0~"}`;
    const event = { marker: `${MARK}${tenant}~${n}~0~`, type: "order.created", key: null, data, idempotencyKey: null };
    const rest = { contentType: JSON_TYPE, body: eventText(event), tries: [] };
    await this.send(
      this.#written({ tenant, topic, kind: "conflict", note: "other bytes", events: [event], requestKey, ...rest }),
    );
  }

  async bad(tenant: string, topic: string, choice: number): Promise<void> {
    const n = ++this.#count;
    const marker = `${MARK}${tenant}~${n}~0~`;
    const [note, make] = pick(Object.entries(BAD_POSTS), choice) ?? NO_BODY;
    const { body, requestKey = null, contentType = JSON_TYPE } = make(`{"m":"${marker}"}`);
    const event = { marker, type: "", key: null, data: "", idempotencyKey: null };
    await this.send(
      this.#written({ tenant, topic, kind: "bad", note, events: [event], requestKey, contentType, body, tries: [] }),
    );
  }

  /** Everything with a key whose outcome nobody knows is sent again until it is known. */
  async settleUnknown(): Promise<void> {
    for (const post of this.#good().filter(hasKey)) {
      for (let tries = 0; tries < 3 && post.tries.every(isUnknown); tries++) await this.send(post);
    }
  }

  #good(): Post[] {
    return this.#stage.journal.posts.filter(({ kind, tries }) => kind === "good" && tries.length > 0);
  }

  #written(post: Post): Post {
    this.#stage.journal.posts.push(post);
    return post;
  }
}

export const pathOf = ({ topic }: Post): string => `/v1/topics/${topic}/events`;

export const headersOf = ({ requestKey, contentType }: Post): Record<string, string> => ({
  "content-type": contentType,
  ...(requestKey === null ? {} : { "idempotency-key": requestKey }),
});

const hasKey = ({ requestKey, events }: Post): boolean =>
  requestKey !== null || events.every(({ idempotencyKey }) => idempotencyKey !== null);

export const pick = <T>(list: readonly T[], choice: number): T | undefined => list[Math.floor(choice * list.length)];

function eventText({ type, key, data, idempotencyKey }: PostedEvent): string {
  const members = [`"type":${JSON.stringify(type)}`];
  if (key !== null) members.push(`"key": ${JSON.stringify(key)}`);
  if (idempotencyKey !== null) members.push(`"idempotencyKey":${JSON.stringify(idempotencyKey)}`);
  return `{${members.join(",")},"data":${data}}`;
}

function parsed(text: string): { events?: Appended[]; code?: string } & Partial<Appended> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
