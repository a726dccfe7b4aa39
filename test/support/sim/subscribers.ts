import { sendBody } from "../../../src/core/body.ts";
import { errorOfStatus } from "../../../src/delivery/answer.ts";
import type { Part, Send, SendResult } from "../../../src/subscription/rpc.ts";
import type { Ground } from "./ground.ts";
import type { Journal, RequestRecord } from "./journal.ts";
import type { Life } from "./life.ts";

/** How a subscriber behaves. */
export type Manner = "ok" | "flaky" | "failing" | "hanging" | "late" | "resetting" | "gone" | "busy" | "slow";
export const MANNERS: readonly [Manner, ...Manner[]] = [
  "ok",
  "ok",
  "flaky",
  "flaky",
  "failing",
  "hanging",
  "late",
  "resetting",
  "gone",
  "busy",
  "slow",
];

/** Those that always answer in time. */
export const GENTLE_MANNERS: readonly [Manner, ...Manner[]] = ["ok", "flaky", "failing"];

export type Behaviour =
  | { readonly kind: "answer"; readonly after: number; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: "reset"; readonly after: number }
  | { readonly kind: "silence" };

/** The subscribers' servers: what they get, and what they answer, by their manner. */
export class Subscribers {
  readonly #ground: Ground;
  readonly #journal: Journal;
  /** Subscription id → manner. */
  readonly manners = new Map<string, Manner>();
  /** Subscription id → what it does with every request, whatever its manner: for scenes. */
  readonly scripts = new Map<string, Behaviour>();
  /** Those that go on failing when everything else has healed. */
  readonly incurable = new Set<string>();
  readonly #failures = new Map<string, number>();

  constructor(ground: Ground, journal: Journal) {
    this.#ground = ground;
    this.#journal = journal;
  }

  heal(): void {
    for (const id of this.manners.keys()) this.manners.set(id, this.incurable.has(id) ? "failing" : "ok");
  }

  /** Makes the request; `done` gets the result as a deliverer sees it, unless the deliverer has died. */
  request(deliverer: Life, send: Send, part: Part, done: (result: SendResult) => void): void {
    const { timeline, random } = this.#ground;
    const started = { step: timeline.step, at: timeline.now };
    const record: RequestRecord = {
      ...{ send, part, deliverer: deliverer.name, started },
      ...{ reached: false, answer: null, result: null, ended: null, reported: null },
    };
    this.#journal.requests.push(record);
    this.#journal.requestsByAttempt.set(send.attemptId, record);
    const finish = (result: SendResult) => {
      if (record.result !== null) return;
      record.result = result;
      record.ended = { step: timeline.step, at: timeline.now };
      done(result);
    };
    const { timeoutSeconds, id } = part.target;
    const what = `${nameOf(send)} attempt ${send.attempt} to ${id}`;
    this.#ground.later(deliverer, timeoutSeconds * 1000, `${what} times out`, () =>
      finish(failedResult(record, timeline.now, { code: "timeout", message: "No answer in time." })),
    );
    timeline.after(random.between(0, 4), `${what} arrives`, () => {
      // A request that had hardly left when its sender died may be lost or not.
      if (!deliverer.alive && random.chance(0.5)) return;
      record.reached = true;
      this.#answer(deliverer, record, finish);
    });
  }

  #answer(deliverer: Life, record: RequestRecord, finish: (result: SendResult) => void): void {
    const { timeline, random } = this.#ground;
    const behaviour = this.#behaviour(record);
    if (behaviour.kind === "silence") return;
    timeline.after(behaviour.after, `subscriber ${record.part.target.id} acts on ${nameOf(record.send)}`, () => {
      if (behaviour.kind === "answer") {
        record.answer = { step: timeline.step, at: timeline.now, status: behaviour.status };
      }
      this.#ground.later(deliverer, random.between(0, 3), `${deliverer.name} has an answer`, () =>
        finish(
          behaviour.kind === "answer"
            ? answeredResult(record, timeline.now, behaviour)
            : failedResult(record, timeline.now, { code: "reset", message: "Reset." }),
        ),
      );
    });
  }

  #behaviour(record: RequestRecord): Behaviour {
    const { random } = this.#ground;
    const { id, timeoutSeconds } = record.part.target;
    const script = this.scripts.get(id);
    if (script !== undefined) return script;
    const timeout = timeoutSeconds * 1000;
    const ok: Behaviour = { kind: "answer", after: random.between(0, 40), status: 200 };
    const failure: Behaviour = { ...ok, status: random.pick([500, 404, 302, 503]) };
    switch (this.manners.get(id) ?? "ok") {
      case "ok":
        return ok;
      case "flaky":
        return this.#failsFirst(id, record.send) ? failure : ok;
      case "failing":
        return failure;
      case "hanging":
        return random.chance(0.5) ? { kind: "silence" } : ok;
      case "late":
        return random.chance(0.5) ? { ...ok, after: timeout + random.between(0, 4000) } : ok;
      case "resetting":
        return random.chance(0.5) ? { kind: "reset", after: random.between(0, 30) } : ok;
      case "gone":
        return random.chance(0.1) ? { ...ok, status: 410 } : ok;
      case "busy":
        return random.chance(0.3) ? { ...ok, status: 429, retryAfterSeconds: random.between(0, 3) } : ok;
      case "slow":
        return { ...ok, after: random.between(0, timeout) };
    }
  }

  /**
   * Every third event fails once, every fifth twice, and so on: the same in every schedule. A batch fails as long as one
   * of its events does.
   */
  #failsFirst(id: string, { event, batch }: Send): boolean {
    let fails = false;
    for (const { offset } of batch?.events ?? [event]) {
      const key = `${id} ${offset}`;
      const failed = this.#failures.get(key) ?? 0;
      const wanted = (offset % 3 === 0 ? 1 : 0) + (offset % 5 === 0 ? 2 : 0);
      this.#failures.set(key, failed + 1);
      fails ||= failed < wanted;
    }
    return fails;
  }
}

const nameOf = ({ event, batch }: Send): string =>
  batch === null ? `event ${event.offset}` : `batch of ${batch.events.map(({ offset }) => offset).join(",")}`;

type Ended = Extract<SendResult, { kind: "answered" | "failed" }>;

function ended({ send, part, started }: RequestRecord, now: number) {
  return {
    lease: send.lease,
    offset: send.event.offset,
    attemptId: send.attemptId,
    startedAt: started.at,
    durationMilliseconds: now - started.at,
    bodyBytes: sendBody(part.target.format, send, part.target.topic).bytes.length,
    instruction: null,
  };
}

const failedResult = (record: RequestRecord, now: number, error: Ended["error"]): SendResult => ({
  ...ended(record, now),
  kind: "failed",
  statusCode: null,
  error,
  response: null,
  retryAfterMilliseconds: null,
});

const answeredResult = (
  record: RequestRecord,
  now: number,
  { status, retryAfterSeconds }: Extract<Behaviour, { kind: "answer" }>,
): SendResult => ({
  ...ended(record, now),
  kind: "answered",
  statusCode: status,
  error: errorOfStatus(status),
  response: { headers: {}, body: "", truncated: false },
  retryAfterMilliseconds: retryAfterSeconds === undefined ? null : retryAfterSeconds * 1000,
});
