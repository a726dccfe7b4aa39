import { decodeEventId } from "../../../../src/core/ids.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../../../../src/core/limits.ts";
import { markOf } from "../content.ts";
import type { Checker, Evidence } from "../evidence.ts";
import type { Post } from "../journal.ts";

interface Answer {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly askedStep: number;
  readonly answeredStep: number;
  readonly id: string;
  readonly receivedAt: number;
  readonly duplicate: boolean;
}

/** Invariant 4: same key and bytes, one id and offset, under any race or crash; other bytes, a refusal. */
export const idempotency: Checker = {
  invariant: "4 idempotency",
  check(evidence, violation) {
    let checks = 0;
    for (const [key, posts] of byKey(evidence)) {
      const answers = posts.flatMap((post) => answersOf(post, key));
      const appended = appendedUnder(evidence, posts, key);
      for (const [index, at] of appended.entries()) {
        checks += 1;
        const before = appended[index - 1];
        if (before !== undefined && at - before < IDEMPOTENCY_WINDOW_MS) violation(`key ${key} appended twice`);
      }
      for (const one of answers) {
        checks += 1;
        const age = one.askedAt - one.receivedAt;
        if (age >= IDEMPOTENCY_WINDOW_MS) violation(`key ${key} was still known after ${age} ms`);
        for (const other of answers) {
          const known = other.answeredStep < one.askedStep && one.answeredAt - other.receivedAt < IDEMPOTENCY_WINDOW_MS;
          if (!known) continue;
          checks += 1;
          if (one.id !== other.id) violation(`key ${key} was answered with ${other.id}, then with ${one.id}`);
          if (!one.duplicate) violation(`key ${key} was answered as new when it was known`);
        }
      }
    }
    return checks;
  },
};

function byKey({ journal }: Evidence): Map<string, Post[]> {
  const keys = new Map<string, Post[]>();
  for (const post of journal.posts) {
    for (const claim of [post.request.idempotency, ...post.request.events.map((event) => event.idempotency)]) {
      if (claim !== null) keys.set(claim.key, [...(keys.get(claim.key) ?? []), post]);
    }
  }
  return keys;
}

/** Which of a post's events the key stands for; that of a whole request stands for its first. */
const placeOf = ({ request }: Post, key: string): number =>
  request.idempotency?.key === key ? 0 : request.events.findIndex((event) => event.idempotency?.key === key);

function answersOf(post: Post, key: string): Answer[] {
  const answers: Answer[] = [];
  for (const { asked, answered } of post.tries) {
    const one = answered?.value.ok ? answered.value.value[placeOf(post, key)] : undefined;
    if (one === undefined || answered === null) continue;
    answers.push({
      ...{ askedAt: asked.at, askedStep: asked.step, answeredAt: answered.at, answeredStep: answered.step },
      ...{ id: one.id, duplicate: one.duplicate, receivedAt: decodeEventId(one.id)?.time ?? 0 },
    });
  }
  return answers;
}

/** When events came into the log under this key, whatever their bytes, ascending. */
function appendedUnder({ log }: Evidence, posts: readonly Post[], key: string): number[] {
  const marks = new Set(posts.map((post) => markOf(post.request.events[placeOf(post, key)]?.data ?? new Uint8Array())));
  return log.filter((event) => marks.has(markOf(event.data))).map((event) => event.receivedAt);
}
