import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Problem, problem } from "../../src/core/errors.ts";
import type { AppendRequest } from "../../src/core/event.ts";
import { err, ok } from "../../src/core/result.ts";
import { consumeDeadLetters } from "../../src/dead-letters/consumer.ts";
import type { DeadLetter, DeadLetterMessage, RetryMessage } from "../../src/directory/rpc.ts";
import { deadLetter } from "../support/dead-letter.ts";

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

const letterMessage = (more: Partial<DeadLetterMessage> = {}): DeadLetterMessage => ({
  version: 1,
  tenant: "acme",
  subscription: "sub_a",
  name: "billing",
  outbox: 1,
  action: "add",
  letter: deadLetter(),
  ...more,
});
const hint: RetryMessage = { version: 1, subscription: "acme/sub_r" };

/** A batch that notes what became of each message, by its place. */
function batchOf(...bodies: unknown[]) {
  const outcomes: ("ack" | "retry" | null)[] = bodies.map(() => null);
  const settle = (at: number, outcome: "ack" | "retry") => () => {
    outcomes[at] ??= outcome;
  };
  const messages = bodies.map((body, at) => ({
    id: `message-${at}`,
    timestamp: new Date(0),
    attempts: 1,
    body,
    ack: settle(at, "ack"),
    retry: settle(at, "retry"),
  }));
  const batch = { queue: "sluice-dead-letters", messages } as unknown as MessageBatch<unknown>;
  return { batch, outcomes };
}

/** Directories and subscriptions that note what they are told, and fail when a test says so. */
function world(
  failing: { index?: string; acknowledge?: string; retryDue?: string; append?: readonly (Problem | null)[] } = {},
) {
  const calls: string[] = [];
  const published: AppendRequest["events"][number][] = [];
  const refusals = [...(failing.append ?? [])];
  const told = (call: string, fails: boolean) => {
    calls.push(call);
    return fails ? Promise.reject(new Error("object reset")) : Promise.resolve();
  };
  const offsets = (letters: readonly DeadLetter[]) => letters.map((letter) => letter.offset).join();
  const env = {
    DIRECTORY: {
      getByName: (tenant: string) => ({
        indexDeadLetters: (letters: readonly DeadLetter[]) =>
          told(`${tenant} index ${offsets(letters)}`, failing.index === tenant),
        removeDeadLetters: (letters: readonly DeadLetter[]) => told(`${tenant} remove ${offsets(letters)}`, false),
        ensureTopic: async (topic: string) => {
          await told(`${tenant} ensureTopic ${topic}`, false);
          return ok({ created: true });
        },
      }),
    },
    TOPIC_LOG: {
      getByName: (name: string) => ({
        append: async ({ events }: AppendRequest) => {
          await told(`${name} append ${events.length}`, false);
          const refusal = refusals.shift() ?? null;
          if (refusal !== null) return err(refusal);
          published.push(...events);
          return ok([]);
        },
      }),
    },
    SUBSCRIPTION: {
      getByName: (name: string) => ({
        outboxAcknowledged: (ids: readonly number[]) =>
          told(`${name} acknowledged ${ids.join()}`, failing.acknowledge === name),
        retryDue: () => told(`${name} retryDue`, failing.retryDue === name),
      }),
    },
  } as unknown as Env;
  return { env, calls, published };
}

describe("consumeDeadLetters", () => {
  it("indexes the letters of a tenant in one call, then acknowledges each subscription once, then acks", async () => {
    const { env, calls } = world();
    const { batch, outcomes } = batchOf(
      letterMessage({ outbox: 1, letter: deadLetter({ offset: 1 }) }),
      letterMessage({ outbox: 2, letter: deadLetter({ offset: 2 }) }),
      letterMessage({ outbox: 7, subscription: "sub_b", letter: deadLetter({ offset: 3 }) }),
      letterMessage({ outbox: 9, tenant: "other", letter: deadLetter({ offset: 4 }) }),
    );
    await consumeDeadLetters(batch, env);
    expect(calls.filter((call) => call.startsWith("acme index"))).toEqual(["acme index 1,2,3"]);
    expect(calls).toContain("other index 4");
    const acknowledged = calls.filter((call) => call.includes("acknowledged"));
    expect(acknowledged.sort()).toEqual([
      "acme/sub_a acknowledged 1,2",
      "acme/sub_b acknowledged 7",
      "other/sub_a acknowledged 9",
    ]);
    expect(calls.indexOf("acme index 1,2,3")).toBeLessThan(calls.indexOf("acme/sub_a acknowledged 1,2"));
    expect(outcomes).toEqual(["ack", "ack", "ack", "ack"]);
  });

  it("takes letters out of the index for `remove`", async () => {
    const { env, calls } = world();
    const { batch, outcomes } = batchOf(letterMessage({ action: "remove", outbox: 3 }));
    await consumeDeadLetters(batch, env);
    expect(calls).toEqual(["acme remove 1", "acme/sub_a acknowledged 3"]);
    expect(outcomes).toEqual(["ack"]);
  });

  it("acknowledges nothing that was not indexed, and retries only that tenant's messages", async () => {
    const { env, calls } = world({ index: "acme" });
    const { batch, outcomes } = batchOf(letterMessage(), letterMessage({ tenant: "other" }), hint, "poison");
    await consumeDeadLetters(batch, env);
    expect(calls).not.toContain("acme/sub_a acknowledged 1");
    expect(outcomes).toEqual(["retry", "ack", "ack", "ack"]);
    expect(lines).toMatchObject([{ messages: 4, retried: 1 }]);
  });

  it("retries the messages of a subscription that did not take the acknowledgement (Q06)", async () => {
    const { env } = world({ acknowledge: "acme/sub_b" });
    const { batch, outcomes } = batchOf(letterMessage(), letterMessage({ subscription: "sub_b" }), letterMessage());
    await consumeDeadLetters(batch, env);
    expect(outcomes).toEqual(["ack", "retry", "ack"]);
  });

  it("lets a retry message that ended here have its look at what is due, once a subscription (Q09)", async () => {
    const { env, calls } = world();
    const { batch, outcomes } = batchOf(hint, hint, { ...hint, subscription: "other/sub_r" });
    await consumeDeadLetters(batch, env);
    expect(calls.sort()).toEqual(["acme/sub_r retryDue", "other/sub_r retryDue"]);
    expect(outcomes).toEqual(["ack", "ack", "ack"]);
  });

  it("tries a failed look again", async () => {
    const { env } = world({ retryDue: "acme/sub_r" });
    const { batch, outcomes } = batchOf(hint, letterMessage());
    await consumeDeadLetters(batch, env);
    expect(outcomes).toEqual(["retry", "ack"]);
  });

  it("acks what it cannot read, naming it in the log without its content (Q07)", async () => {
    const { env, calls } = world();
    const poison: unknown[] = [
      null,
      "text",
      17,
      [],
      {},
      { ...letterMessage(), version: 2 },
      { ...letterMessage(), letter: { ...deadLetter(), deadAt: "yesterday" } },
      { ...letterMessage(), tenant: "a/b" },
      { ...hint, version: 2 },
      { ...hint, subscription: "no-tenant" },
    ];
    const { batch, outcomes } = batchOf(...poison, letterMessage());
    await consumeDeadLetters(batch, env);
    expect(outcomes.every((outcome) => outcome === "ack")).toBe(true);
    expect(calls).toEqual(["acme index 1", "acme/sluice.events/0 append 1", "acme/sub_a acknowledged 1"]);
    expect(lines).toHaveLength(1);
    expect(lines).toMatchObject([{ event: "dead-letter-batch", messages: 11, letters: 1, poison: 10, retried: 0 }]);
    expect(JSON.stringify(lines)).toContain("message-9");
    expect(JSON.stringify(lines)).not.toContain("yesterday");
  });
});

describe("delivery.dead", () => {
  const text = (data: Uint8Array) => JSON.parse(new TextDecoder().decode(data)) as unknown;

  it("is appended once a letter, all of a batch in one call, between the index and the acknowledgement", async () => {
    const { env, calls, published } = world();
    const second = letterMessage({ outbox: 2, letter: deadLetter({ offset: 2, eventId: "evt_2" }) });
    // The queue may bring the same message twice in one batch.
    const { batch, outcomes } = batchOf(letterMessage(), second, letterMessage());
    await consumeDeadLetters(batch, env);
    expect(calls).toEqual(["acme index 1,2,1", "acme/sluice.events/0 append 2", "acme/sub_a acknowledged 1,2,1"]);
    expect(published).toMatchObject([
      { type: "delivery.dead", key: "sub_a", contentType: "application/json" },
      { type: "delivery.dead", key: "sub_a" },
    ]);
    expect(published.map(({ data }) => text(data))).toEqual([
      { subscription: { id: "sub_a", name: "billing" }, topic: "orders", eventId: "evt_1", reason: "exhausted" },
      { subscription: { id: "sub_a", name: "billing" }, topic: "orders", eventId: "evt_2", reason: "exhausted" },
    ]);
    expect(outcomes).toEqual(["ack", "ack", "ack"]);
  });

  it("has one idempotency key however often it is told, and another when the event dies again", async () => {
    const { env, published } = world();
    const again = letterMessage({ outbox: 5, name: "renamed" });
    const later = letterMessage({ outbox: 9, letter: deadLetter({ deadAt: 1 }) });
    for (const message of [letterMessage(), again, later]) await consumeDeadLetters(batchOf(message).batch, env);
    const claims = published.map(({ idempotency }) => idempotency);
    expect(claims[1]).toEqual(claims[0]);
    expect(claims[2]?.key).not.toBe(claims[0]?.key);
  });

  it("says nothing of what leaves the index, nor of subscriptions of sluice.events themselves", async () => {
    const { env, calls } = world();
    const own = letterMessage({ letter: deadLetter({ topic: "sluice.events" }) });
    await consumeDeadLetters(batchOf(own, letterMessage({ action: "remove" })).batch, env);
    expect(calls).toEqual(["acme index 1", "acme remove 1", "acme/sub_a acknowledged 1,1"]);
  });

  it("makes the topic when it is not there", async () => {
    const { env, calls, published } = world({ append: [problem("not-found", "")] });
    const { batch, outcomes } = batchOf(letterMessage());
    await consumeDeadLetters(batch, env);
    expect(calls.slice(1)).toEqual([
      "acme/sluice.events/0 append 1",
      "acme ensureTopic sluice.events",
      "acme/sluice.events/0 append 1",
      "acme/sub_a acknowledged 1",
    ]);
    expect(published).toHaveLength(1);
    expect(outcomes).toEqual(["ack"]);
  });

  it("that cannot be appended now is tried again, and its letter not acknowledged before", async () => {
    const { env, calls } = world({ append: [problem("unavailable", "")] });
    const { batch, outcomes } = batchOf(letterMessage());
    await consumeDeadLetters(batch, env);
    expect(calls).not.toContain("acme/sub_a acknowledged 1");
    expect(outcomes).toEqual(["retry"]);
  });

  it.each(["topic-full", "invalid"] as const)("that is refused for good (%s) holds up nothing", async (code) => {
    const { env, calls } = world({ append: [problem(code, "")] });
    const { batch, outcomes } = batchOf(letterMessage());
    await consumeDeadLetters(batch, env);
    expect(calls).toContain("acme/sub_a acknowledged 1");
    expect(outcomes).toEqual(["ack"]);
    expect(lines).toContainEqual(expect.objectContaining({ event: "operational-events-refused", code }));
  });

  it("of a message of an earlier release names the subscription by its id", async () => {
    const { env, published } = world();
    const { name: _, ...old } = letterMessage();
    await consumeDeadLetters(batchOf(old).batch, env);
    expect(published.map(({ data }) => text(data))).toMatchObject([{ subscription: { id: "sub_a", name: "sub_a" } }]);
  });
});
