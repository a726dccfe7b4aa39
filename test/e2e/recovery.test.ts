import { afterEach, expect, it } from "vitest";
import { LEASE_GRACE_MS, SEND_START_MAX_MS } from "../../src/core/limits.ts";
import type { Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { Gateway } from "../support/gateway.ts";
import { KilledWhileStarting } from "../support/gateway-process.ts";
import { offsetOf } from "../support/rooms.ts";
import { type Received, type Script, Subscriber } from "../support/subscriber.ts";

/**
 * One gateway with a tenant for each situation that the power can go out in; it goes out for all of them at once, three
 * times in a row: in the middle of everything, and twice while it starts.
 */

const TIMEOUT_SECONDS = 1;
const LEASE_MS = TIMEOUT_SECONDS * 1000 + LEASE_GRACE_MS;
/** Reopening is promised within this time of the subscriber's recovery. */
const REOPEN_MAX_MS = 60_000;

/** Lines of output since the last start, and who waits for the next of them. */
let line: () => void = () => undefined;
let gateway: Gateway | null = null;
const subscribers: Subscriber[] = [];

afterEach(async () => {
  await gateway?.stop();
  await Promise.all(subscribers.splice(0).map((subscriber) => subscriber.close()));
});

const running = (): Gateway => gateway ?? expect.fail("The gateway has not been started.");
const eventIdOf = (request: Received) => request.headers["webhook-id"] ?? "";
/** As many scheduled retries as are needed for nothing to die before the hold (API clause 6.6). */
const failures = (holdAfterFailures: number) => ({
  retry: {
    scheduleSeconds: Array(holdAfterFailures - 1).fill(0.05),
    jitter: 0,
    onExhausted: "continue",
    holdAfterFailures,
  },
});

interface Situation {
  readonly client: Client;
  readonly subscriber: Subscriber;
  publish(count?: number): Promise<readonly Published[]>;
}

async function situation(name: string, script: Script, document: Readonly<Record<string, unknown>>) {
  const client = running().client(name);
  const subscriber = await Subscriber.start(script);
  subscribers.push(subscriber);
  const base = { name: "hook", topic: "orders", url: subscriber.url, timeoutSeconds: TIMEOUT_SECONDS };
  await client.subscribe({ ...base, ...document });
  const publish = async (count = 1) => {
    const events = Array.from({ length: count }, (_, n) => ({ type: "order.created", data: n }));
    return (await client.ok<{ events: Published[] }>("POST", "/v1/topics/orders/events", events)).events;
  };
  return { client, subscriber, publish } satisfies Situation;
}

/** On hold after two failures, with events held and pending. */
async function onHold() {
  const { client, subscriber, publish } = await situation("held", 500, { ...failures(2), ordering: "topic" });
  const events = await publish(10);
  await eventually(async () => {
    expect(await client.subscription("hook")).toMatchObject({ health: { state: "failing" } });
  });
  return {
    check: async () => {
      subscriber.script = 200;
      const until = Date.now() + REOPEN_MAX_MS;
      await eventually(async () => expect(await client.subscription("hook")).toMatchObject({ lag: 0 }), REOPEN_MAX_MS);
      expect(Date.now()).toBeLessThan(until);
      const delivered = [...new Set(subscriber.received.map(eventIdOf))];
      expect(delivered).toEqual(events.map(({ id }) => id));
      expect((await client.deadLetters()).data).toEqual([]);
    },
  };
}

/** On hold, and its probe has just reached the subscriber. */
async function probing() {
  let hanging = false;
  const script: Script = () => (hanging ? new Promise<number>(() => undefined) : 500);
  const { client, subscriber, publish } = await situation("probing", script, failures(1));
  const [event] = await publish();
  const id = event?.id ?? "";
  await eventually(async () => {
    expect(await client.subscription("hook")).toMatchObject({ health: { state: "failing" } });
  });
  hanging = true;
  const asked = subscriber.received.length;
  await client.ok("POST", "/v1/subscriptions/hook/resume");
  const probes = await subscriber.waitFor(asked + 1);
  expect(probes.at(-1)?.headers).toMatchObject({ "sluice-trigger": "probe" });
  return {
    check: async () => {
      subscriber.script = 200;
      await eventually(async () => expect((await client.delivery("hook", id)).state).toBe("delivered"), REOPEN_MAX_MS);
      const { attempts } = await client.delivery("hook", id);
      expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1));
      const cut = attempts.find(({ outcome }) => outcome === "interrupted");
      expect(cut?.trigger).toBe("probe");
      const [next] = subscriber.received.filter(
        ({ headers }) => Number(headers["sluice-attempt"]) > (cut?.number ?? 0),
      );
      // The lease of the probe has to end first: nobody knows what became of it.
      expect((next?.at ?? 0) - (probes.at(-1)?.at ?? 0)).toBeGreaterThanOrEqual(LEASE_MS - SEND_START_MAX_MS);
      expect((await client.deadLetters()).data).toEqual([]);
    },
  };
}

async function pausedWithBacklog() {
  const { client, subscriber, publish } = await situation("paused", 200, { ordering: "topic" });
  await client.ok("POST", "/v1/subscriptions/hook/pause");
  const events = await publish(30);
  return {
    check: async () => {
      expect(await client.subscription("hook")).toMatchObject({ state: "paused", lag: 30 });
      expect(subscriber.received).toHaveLength(0);
      await client.ok("POST", "/v1/subscriptions/hook/resume");
      await subscriber.waitFor(events.length);
      expect(subscriber.received.map(eventIdOf)).toEqual(events.map(({ id }) => id));
    },
  };
}

/** 5 under way, 95 pending; the power goes with the answer to the DELETE. */
async function deleted() {
  const hanging = new Promise<number>(() => undefined);
  const { client, subscriber, publish } = await situation("deleted", () => hanging, { concurrency: 5 });
  await publish(100);
  await subscriber.waitFor(5);
  return {
    answered: () => client.ok("DELETE", "/v1/subscriptions/hook"),
    check: async () => {
      expect((await client.request("GET", "/v1/subscriptions/hook")).status).toBe(404);
      expect((await client.request("POST", "/v1/subscriptions/hook/resume")).status).toBe(404);
      await eventually(async () => {
        expect(await client.ok("GET", "/v1/topics/orders")).toMatchObject({ subscriptions: 0 });
      });
      subscriber.script = 200;
      await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url });
      const [fresh] = await publish();
      await subscriber.waitFor(6);
      expect(subscriber.received.slice(5).map(eventIdOf)).toEqual([fresh?.id]);
    },
  };
}

/** C16: a retry is pending when its topic is deleted by force. */
async function topicDeleted() {
  const retry = { scheduleSeconds: [1, 1, 1], jitter: 0, holdAfterFailures: null };
  const { client, subscriber, publish } = await situation("topic-deleted", 500, { retry });
  const events = await publish(3);
  await subscriber.waitFor(3);
  return {
    answered: () => client.ok("DELETE", "/v1/topics/orders?force=true"),
    check: async () => {
      const arrived = subscriber.received.length;
      expect((await client.request("GET", "/v1/topics/orders")).status).toBe(404);
      expect((await client.request("GET", "/v1/subscriptions/hook")).status).toBe(404);
      subscriber.script = 200;
      await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url, start: "earliest" });
      const next = await publish(2);
      expect(next.map(({ offset }) => offset)).toEqual([1, 2].map((n) => n + Math.max(...events.map((e) => e.offset))));
      await subscriber.waitFor(arrived + 2);
      // Without a key they have no order.
      const offsets = subscriber.received.slice(arrived).map(offsetOf);
      expect(offsets.toSorted((a, b) => a - b)).toEqual(next.map(({ offset }) => offset));
    },
  };
}

/** Creations that have no answer when the power goes: each is there, everywhere, or its name is free. */
async function creating() {
  const { client, subscriber } = await situation("creating", 200, {});
  const names = Array.from({ length: 8 }, (_, n) => `name-${n}`);
  const document = { topic: "orders", url: subscriber.url, timeoutSeconds: TIMEOUT_SECONDS };
  return {
    begun: () => Promise.race(names.map((name) => client.subscribe({ ...document, name }).catch(() => undefined))),
    check: async () => {
      for (const name of names) {
        // A creation that was cut off is finished by its object, or never was.
        await eventually(async () => {
          const created = await client.request("POST", "/v1/subscriptions", { ...document, name });
          expect([201, 409]).toContain(created.status);
          expect((await client.request("GET", `/v1/subscriptions/${name}`)).status).toBe(200);
        });
      }
      const { id } = await client.publish("orders", { type: "order.created", data: 1 });
      await subscriber.waitFor(names.length + 1, (request) => eventIdOf(request) === id);
      const { data } = await client.ok<{ data: { name: string }[] }>("GET", "/v1/subscriptions?limit=200");
      expect(data.map(({ name }) => name).sort()).toEqual(["hook", ...names]);
      // Nothing is registered with the log that nobody can see or delete.
      expect(await client.ok("GET", "/v1/topics/orders")).toMatchObject({ subscriptions: names.length + 1 });
    },
  };
}

/** Starts it, and kills it as soon as it says its first word. */
async function killWhileStarting(): Promise<void> {
  const said = new Promise<void>((resolve) => {
    line = resolve;
  });
  const starting = expect(running().restart()).rejects.toBeInstanceOf(KilledWhileStarting);
  await said;
  await running().kill();
  await starting;
}

it("C12 C16 goes on wherever the power went: on hold, probing, paused, deleting (a topic, too), creating; and while it starts", async () => {
  gateway = await Gateway.start({ onLine: () => line() });
  const situations: { answered?: () => Promise<unknown>; begun?: () => Promise<unknown>; check(): Promise<void> }[] =
    await Promise.all([onHold(), probing(), pausedWithBacklog(), deleted(), topicDeleted(), creating()]);
  await Promise.all(situations.map((one) => one.answered?.()));
  await Promise.all(situations.map((one) => one.begun?.()));
  await gateway.kill();
  await killWhileStarting();
  await killWhileStarting();
  await gateway.restart();
  await Promise.all(situations.map((one) => one.check()));
});
