import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { consumeRetries } from "../../src/delivery/retry-consumer.ts";

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

const hint = (subscription: string) => ({ version: 1, subscription });

/** Consumes the bodies as one batch; answers with what became of each message, and which objects were asked. */
async function consume(bodies: readonly unknown[], retryDue: (name: string) => Promise<void> = async () => undefined) {
  const outcomes: ("ack" | "retry" | null)[] = bodies.map(() => null);
  const settle = (at: number, outcome: "ack" | "retry") => () => {
    outcomes[at] ??= outcome;
  };
  const messages = bodies.map((body, at) => ({
    id: `m${at}`,
    body,
    ack: settle(at, "ack"),
    retry: settle(at, "retry"),
  }));
  const asked: string[] = [];
  const getByName = (name: string) => ({
    retryDue: () => {
      asked.push(name);
      return retryDue(name);
    },
  });
  const batch = { queue: "sluice-retries", messages } as unknown as MessageBatch<unknown>;
  await consumeRetries(batch, { SUBSCRIPTION: { getByName } } as unknown as Env);
  return { outcomes, asked };
}

describe("consumeRetries", () => {
  it("asks each subscription once, however many messages name it, and acks all", async () => {
    const { outcomes, asked } = await consume([hint("acme/sub_a"), hint("acme/sub_b"), hint("acme/sub_a")]);
    expect(asked).toEqual(["acme/sub_a", "acme/sub_b"]);
    expect(outcomes).toEqual(["ack", "ack", "ack"]);
  });

  it("retries the messages of an object that could not be asked, and no others (Q06)", async () => {
    const { outcomes } = await consume([hint("acme/sub_a"), hint("acme/sub_b"), hint("acme/sub_a"), null], (name) =>
      name === "acme/sub_a" ? Promise.reject(new Error("reset")) : Promise.resolve(),
    );
    expect(outcomes).toEqual(["retry", "ack", "retry", "ack"]);
    expect(lines).toMatchObject([{ retried: 2 }]);
  });

  it("asks all at the same time: one slow object does not hold up the others", async () => {
    const released = Promise.withResolvers<void>();
    const { outcomes } = await consume([hint("acme/slow"), hint("acme/quick")], (name) => {
      if (name === "acme/quick") released.resolve();
      return released.promise;
    });
    expect(outcomes).toEqual(["ack", "ack"]);
  });

  it.each([
    null,
    "text",
    42,
    [],
    {},
    { version: 2, subscription: "acme/sub_a" },
    { version: 1 },
    hint(""),
    hint("/"),
    hint("sub_a"),
    hint("acme/"),
    hint("a/b/c"),
    { version: 1, subscription: 7 },
  ])("acks the poison %j and asks nobody (Q07)", async (body) => {
    const { outcomes, asked } = await consume([body]);
    expect(asked).toEqual([]);
    expect(outcomes).toEqual(["ack"]);
    expect(lines).toMatchObject([{ poison: 1, poisonIds: "m0" }]);
  });

  it("writes one line for the batch, without what was in it", async () => {
    await consume([hint("acme/sub_a"), { secret: "hunter2" }]);
    expect(lines).toEqual([
      {
        event: "retry-batch",
        queue: "sluice-retries",
        messages: 2,
        subscriptions: 1,
        poison: 1,
        poisonIds: "m1",
        retried: 0,
        durationMilliseconds: expect.any(Number),
      },
    ]);
  });
});
