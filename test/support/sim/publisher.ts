import type { AppendRequest } from "../../../src/core/event.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import { newContent } from "./content.ts";
import type { Post } from "./journal.ts";
import { attempt } from "./tries.ts";
import type { World } from "./world.ts";

/** A producer: posts events alone and in batches, with and without idempotency, and again where it got no answer. */
export class Publisher {
  readonly #world: World;
  readonly #log: TopicLogRpc;
  #marks = 0;

  constructor(world: World, logName: string) {
    this.#world = world;
    this.#log = world.stub<TopicLogRpc>(world.outside, logName);
  }

  /** Posts something new. */
  async publish(): Promise<void> {
    const { random } = this.#world.ground;
    const count = random.chance(0.2) ? random.between(2, 5) : 1;
    const contents = Array.from({ length: count }, () => newContent(++this.#marks, random));
    const how = random.pick(["none", "none", "request", "event", "id"]);
    const claim = (name: string) => ({ key: name, fingerprint: how === "id" ? null : `bytes of ${name}` });
    await this.#post({
      events: contents.map((event, index) => ({
        ...event,
        idempotency: how === "event" || how === "id" ? claim(`event-${this.#marks}-${index}`) : null,
      })),
      idempotency: how === "request" ? claim(`request-${this.#marks}`) : null,
      requestId: null,
      expectedOffset: null,
    });
  }

  /** Posts the same bytes under the same key as before: rather what got no answer. */
  async repost(): Promise<void> {
    const keyed = this.#world.journal.posts.filter(isKeyed);
    const unknown = keyed.filter((post) => post.tries.every((one) => one.answered === null));
    const post = this.#world.ground.random.pick(unknown.length > 0 ? unknown : keyed);
    if (post !== undefined) await this.#again(post);
  }

  /** Posts other bytes under a key that was used: refused, or for an id, which looks at none, a duplicate. */
  async conflict(): Promise<void> {
    const { random } = this.#world.ground;
    const post = random.pick(this.#world.journal.posts.filter((one) => isKeyed(one) && !one.conflicting));
    const first = post?.request.events[0];
    if (post === undefined || first === undefined) return;
    const other = (one: AppendRequest["idempotency"]) =>
      one === null
        ? null
        : { key: one.key, fingerprint: one.fingerprint === null ? null : `other bytes ${this.#marks}` };
    const content = newContent(++this.#marks, random);
    const events = [{ ...content, idempotency: other(first.idempotency) }];
    const conflicting = first.idempotency?.fingerprint !== null;
    await this.#post(
      { events, idempotency: other(post.request.idempotency), requestId: null, expectedOffset: null },
      conflicting,
    );
  }

  /** Whoever got no answer and has a key asks until there is one. */
  async settleUnknown(): Promise<void> {
    for (const post of this.#world.journal.posts) {
      const unknown = isKeyed(post) && post.tries.every((one) => one.answered === null || !one.answered.value.ok);
      if (unknown && !post.conflicting) await this.#again(post);
    }
  }

  async #post(request: AppendRequest, conflicting = false): Promise<void> {
    const post: Post = { request, conflicting, tries: [] };
    this.#world.journal.posts.push(post);
    await this.#again(post);
  }

  async #again(post: Post): Promise<void> {
    await attempt(this.#world, post.tries, () => this.#log.append(post.request));
  }
}

const isKeyed = (post: Post): boolean =>
  post.request.idempotency !== null || post.request.events.some((event) => event.idempotency !== null);
