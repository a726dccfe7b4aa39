import { afterEach, beforeEach, expect, it } from "vitest";
import type { Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { Gateway } from "../support/gateway.ts";
import { dataText, type Received, Subscriber } from "../support/subscriber.ts";

let gateway: Gateway;
let subscriber: Subscriber;

beforeEach(async () => {
  gateway = await Gateway.start();
  subscriber = await Subscriber.start();
});
afterEach(async () => {
  await gateway.stop();
  await subscriber.close();
});

/** A lease that a crash cut off expires after this and 3 s more; then its events are sent again. */
const TIMEOUT_SECONDS = 1;
const RECOVERY_MAX_MS = 60_000;

const PRODUCERS = 4;
const EVENTS_PER_PRODUCER = 60;
/** Acknowledgements after which the power goes. */
const KILL_AFTER = [30, 31, 90, 150];

interface Posted {
  readonly key: string;
  readonly text: string;
  readonly idempotencyKey: string | null;
  /** null: the answer never came, so it may be in the log or not. */
  acknowledged: { readonly id: string; readonly offset: number } | null;
}

const body = ({ key, text }: Posted) => `{"type":"load","key":"${key}","data":${text}}`;

const headersOf = ({ idempotencyKey }: Posted): Record<string, string> =>
  idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey };

/** Kills and restarts the gateway whenever the number of acknowledgements reaches the next of `KILL_AFTER`. */
class Power {
  readonly #kills = [...KILL_AFTER];
  #acknowledged = 0;
  up: Promise<void> = Promise.resolve();

  count(): void {
    this.#acknowledged++;
    if (this.#kills[0] !== this.#acknowledged) return;
    this.#kills.shift();
    this.up = this.up.then(async () => {
      await gateway.kill();
      await gateway.restart();
    });
  }

  get killsLeft(): number {
    return this.#kills.length;
  }
}

/** Posts one after the other; with an idempotency key it repeats what got no answer, without one it goes on. */
async function produce(client: Client, number: number, power: Power): Promise<Posted[]> {
  const posted: Posted[] = [];
  for (let n = 1; n <= EVENTS_PER_PRODUCER; n++) {
    const event: Posted = {
      key: `producer-${number}`,
      // Text that a JSON library would write otherwise.
      text: `{"n": ${n}.0, "producer":${number},  "pad": "${"x".repeat((n * 37) % 500)}"}`,
      idempotencyKey: number % 2 === 0 ? `${number}/${n}` : null,
      acknowledged: null,
    };
    posted.push(event);
    do {
      await power.up;
      const path = "/v1/topics/load/events";
      const answer = await client.request<Published>("POST", path, body(event), headersOf(event)).catch(() => null);
      if (answer === null || answer.status >= 500) continue;
      expect(answer).toMatchObject({ status: 202 });
      event.acknowledged = answer.body;
      power.count();
    } while (event.acknowledged === null && event.idempotencyKey !== null);
  }
  return posted;
}

interface LogEntry {
  readonly id: string;
  readonly offset: number;
  readonly key: string;
}

/** Of the log's own pages: what each event is, and the very text of its data. */
async function readLog(client: Client): Promise<Map<string, LogEntry & { text: string }>> {
  const log = new Map<string, LogEntry & { text: string }>();
  for (const page of await client.logPages("load")) {
    const { data }: { data: LogEntry[] } = JSON.parse(page);
    // `data` is the last member of an event, and nothing in this test's data looks like the end of one.
    const texts = [...page.matchAll(/"size":\d+,"data":(\{.*?\})\}/g)].map((match) => match[1] ?? "");
    expect(texts).toHaveLength(data.length);
    data.forEach((entry, index) => {
      expect(log.has(entry.id)).toBe(false);
      log.set(entry.id, { ...entry, text: texts[index] ?? "" });
    });
  }
  return log;
}

const eventIdOf = (request: Received) => request.headers["webhook-id"] ?? "";

it("C03 C08 keeps every acknowledged event, once and identical, and delivers it, however often the power goes", async () => {
  const client = gateway.client();
  const retry = { scheduleSeconds: [0.2, 0.2, 0.2], jitter: 0, onExhausted: "continue", holdAfterFailures: null };
  const document = { name: "hook", topic: "load", url: subscriber.url, timeoutSeconds: TIMEOUT_SECONDS, retry };
  await client.subscribe(document);

  const power = new Power();
  const posted = (
    await Promise.all(Array.from({ length: PRODUCERS }, (_, number) => produce(client, number, power)))
  ).flat();
  await power.up;
  expect(power.killsLeft).toBe(0);

  // The log: what was acknowledged is there once, at its offset; what was not is there once or not at all.
  const log = await readLog(client);
  expect([...log.values()].map(({ offset }) => offset)).toEqual(Array.from(log, (_, index) => index + 1));
  const inLog = Map.groupBy(log.values(), ({ key, text }) => `${key} ${text}`);
  for (const event of posted) {
    const found = inLog.get(`${event.key} ${event.text}`) ?? [];
    if (event.acknowledged === null) expect(found.length).toBeLessThanOrEqual(1);
    else expect(found).toMatchObject([{ id: event.acknowledged.id, offset: event.acknowledged.offset }]);
    inLog.delete(`${event.key} ${event.text}`);
  }
  expect([...inLog.keys()]).toEqual([]);

  // Repeated after the crashes, a request gets its first answer.
  const repeated = posted.filter(({ idempotencyKey }) => idempotencyKey !== null).slice(0, 20);
  for (const event of repeated) {
    expect(await client.publish("load", body(event), headersOf(event))).toMatchObject({
      ...event.acknowledged,
      duplicate: true,
    });
  }

  // The subscriber: every event of the log, identical, in order per key; a repeat only right after its first.
  await eventually(async () => expect(await client.subscription("hook")).toMatchObject({ lag: 0 }), RECOVERY_MAX_MS);
  const arrivals = Map.groupBy(subscriber.received, eventIdOf);
  expect([...arrivals.keys()].sort()).toEqual([...log.keys()].sort());
  for (const request of subscriber.received) expect(dataText(request)).toBe(log.get(eventIdOf(request))?.text);
  const byKey = Map.groupBy(subscriber.received, (request) => request.headers["sluice-key"]);
  for (const requests of byKey.values()) {
    const offsets = requests.map((request) => Number(request.headers["sluice-offset"]));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  }

  // The delivery log: an attempt for every request that arrived, and none of them a false success.
  for (const [eventId, requests] of arrivals) {
    const { state, attempts } = await client.delivery("hook", eventId);
    expect(state).toBe("delivered");
    expect(attempts.map(({ number }) => String(number))).toEqual(
      expect.arrayContaining(requests.map((request) => request.headers["sluice-attempt"])),
    );
    expect(attempts.filter(({ outcome }) => outcome === "success")).toHaveLength(1);
    expect(attempts.every(({ outcome }) => outcome === "success" || outcome === "interrupted")).toBe(true);
  }
});

it("C09 makes a retry that was waiting when the power went, though the queue has forgotten it", async () => {
  const client = gateway.client();
  subscriber.script = (request) => (request.headers["sluice-attempt"] === "1" ? 500 : 200);
  const retry = { scheduleSeconds: [4], jitter: 0 };
  await client.subscribe({ name: "hook", topic: "load", url: subscriber.url, retry });
  const { id } = await client.publish("load", { type: "load", data: 1 });
  await eventually(async () => expect((await client.delivery("hook", id)).state).toBe("retrying"));
  await gateway.kill();
  await gateway.restart();
  const backAt = Date.now();
  const [first, second] = await subscriber.waitFor(2);
  if (first === undefined || second === undefined) throw new Error("it was not tried twice");
  expect(second.headers).toMatchObject({ "webhook-id": id, "sluice-attempt": "2", "sluice-trigger": "retry" });
  expect(second.at - first.at).toBeGreaterThanOrEqual(4000);
  // A queue that lost the message costs up to 6 s.
  expect(second.at).toBeLessThan(Math.max(first.at + 4000, backAt) + 6000);
});

it("C11 delivers the backlog that was left when the power went, without anybody asking", async () => {
  const client = gateway.client();
  // One after the other, so that the power goes long before they are through.
  const document = { name: "hook", topic: "load", url: subscriber.url, timeoutSeconds: TIMEOUT_SECONDS };
  await client.subscribe({ ...document, ordering: "topic" });
  const events = Array.from({ length: 100 }, (_, n) => ({ type: "load", data: n }));
  const { events: appended } = await client.ok<{ events: Published[] }>("POST", "/v1/topics/load/events", events);
  await gateway.kill();
  expect(subscriber.received.length).toBeLessThan(events.length);
  await gateway.restart();
  await subscriber.waitFor(events.length, () => new Set(subscriber.received.map(eventIdOf)).size === events.length);
  const firstArrivals = [...new Set(subscriber.received.map(eventIdOf))];
  expect(firstArrivals).toEqual(appended.map(({ id }) => id));
});
