import { afterEach, beforeEach, expect, it } from "vitest";
import type { Client, SubscriptionAnswer } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { Gateway } from "../support/gateway.ts";
import { Subscriber } from "../support/subscriber.ts";

let gateway: Gateway;
const subscribers: Subscriber[] = [];

const subscriber = async (status: number): Promise<Subscriber> => {
  const one = await Subscriber.start(status);
  subscribers.push(one);
  return one;
};

beforeEach(async () => {
  gateway = await Gateway.start();
});
afterEach(async () => {
  await gateway.stop();
  for (const one of subscribers.splice(0)) await one.close();
});

interface Told {
  readonly type: string;
  readonly data: {
    readonly subscription?: { readonly id: string; readonly name: string };
    readonly topic: string;
    readonly eventId?: string;
    readonly reason?: string;
  };
}

const EVENTS = "sluice.events";
const WAIT_MS = 60_000;

const told = async (client: Client): Promise<Told[]> =>
  (await client.logPages(EVENTS)).flatMap((page) => (JSON.parse(page) as { data: Told[] }).data);

const summary = (events: readonly Told[]) =>
  events.map(({ type, data }) => `${type} ${data.subscription?.name} ${data.topic} ${data.reason}`).sort();

/** The power goes whenever more has been told: what is acknowledged to nobody yet is told again. */
async function killAtEach(client: Client, from: number, to: number): Promise<void> {
  for (let seen = from; seen < to; ) {
    seen = await eventually(async () => {
      const { length } = await told(client);
      expect(length).toBeGreaterThan(seen);
      return length;
    }, WAIT_MS);
    await gateway.kill();
    await gateway.restart();
  }
}

const untilTold = (client: Client, wanted: readonly string[]) =>
  eventually(async () => expect(summary(await told(client))).toEqual([...wanted].sort()), WAIT_MS);

/** What a crash cuts off is sent again after `timeoutSeconds` and 3 s. */
const retry = (scheduleSeconds: readonly number[], holdAfterFailures: number | null) => ({
  timeoutSeconds: 1,
  retry: { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures },
});

it("tells each thing that happens once, across a power cut, and nothing of who listens", async () => {
  const client = gateway.client("events");
  const listener = await subscriber(200);
  const deaf = await subscriber(500);
  const ill = await subscriber(500);
  await client.subscribe({ name: "listener", topic: EVENTS, url: listener.url, ...retry([1, 1, 1], 10) });
  // It fails, is held, has dead letters and is disabled like any other: nobody is told.
  await client.subscribe({ name: "deaf", topic: EVENTS, url: deaf.url, ...retry([], 3) });
  const gone = await client.subscribe({
    name: "gone",
    topic: "a",
    url: (await subscriber(410)).url,
    ...retry([1], null),
  });
  const held = await client.subscribe({ name: "ill", topic: "a", url: ill.url, ...retry([60], 1) });
  await client.subscribe({ name: "unlucky", topic: "a", url: (await subscriber(500)).url, ...retry([], null) });

  const first = await client.publish("a", { type: "one", data: 1 });
  // The power goes while what has happened is on its way.
  await ill.waitFor(1);
  await gateway.kill();
  await gateway.restart();
  const before = [
    "subscription.disabled gone a gone",
    "subscription.failing ill a status",
    "delivery.dead unlucky a exhausted",
  ];
  await killAtEach(client, 0, before.length);
  await untilTold(client, before);

  ill.script = 200;
  // Probes at once.
  await client.ok("POST", `/v1/subscriptions/${held.id}/resume`);
  const all = [...before, "subscription.recovered ill a undefined"];
  await killAtEach(client, before.length, all.length);
  await untilTold(client, all);

  await listener.waitFor(all.length);
  const dead = (await told(client)).find(({ type }) => type === "delivery.dead");
  expect(dead?.data.eventId).toBe(first.id);
  expect((await client.subscription(gone.id)).disabledReason).toBe("gone");

  // Nothing is left to say; and who listens has had everything that happened, each under its own id.
  await eventually(async () => {
    const { lag } = await client.ok<SubscriptionAnswer>("GET", "/v1/subscriptions/listener");
    expect(lag).toBe(0);
  }, WAIT_MS);
  expect(summary(await told(client))).toEqual([...all].sort());
  expect(new Set(listener.received.map(({ headers }) => headers["webhook-id"])).size).toBe(all.length);
  expect(deaf.received.length).toBeGreaterThan(0);
});
