import { afterEach, expect } from "vitest";
import type { AttemptAnswer, Client, DeliveryAnswer, Published } from "./client.ts";
import { eventually } from "./eventually.ts";
import type { Gateway } from "./gateway.ts";
import { type Received, type Script, Subscriber } from "./subscriber.ts";

/** A tenant of its own with topic `orders`, and a subscription `hook` of it to a real subscriber. */
export interface Room {
  readonly client: Client;
  readonly subscriber: Subscriber;
  readonly secret: string;
  readonly subscriptionId: string;
  publish(data: unknown, more?: Readonly<Record<string, unknown>>): Promise<Published>;
  /** The delivery of an event once it is in a state. */
  untilState(eventId: string, state: string): Promise<DeliveryAnswer<readonly AttemptAnswer[]>>;
}

/** Over all files that share a gateway. */
let rooms = 0;

/**
 * Returns a function that opens a room whose subscriber answers by the script; `document` is added to that of the
 * subscription. Its subscriber is closed after the test, if it was not before.
 */
export function withRooms(gateway: () => Gateway) {
  const subscribers: Subscriber[] = [];
  afterEach(async () => {
    await Promise.all(subscribers.splice(0).map((subscriber) => subscriber.close()));
  });
  return async (script: Script = 200, document: Readonly<Record<string, unknown>> = {}): Promise<Room> => {
    const client = gateway().client(`room-${++rooms}`);
    const subscriber = await Subscriber.start(script);
    subscribers.push(subscriber);
    const created = await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url, ...document });
    return {
      client,
      subscriber,
      secret: created.secret,
      subscriptionId: created.id,
      publish: (data, more = {}) => client.publish("orders", { type: "order.created", data, ...more }),
      untilState: (eventId, state) =>
        eventually(async () => {
          const delivery = await client.delivery("hook", eventId);
          expect(delivery.state).toBe(state);
          return delivery;
        }),
    };
  };
}

/** A retry policy without jitter, and without holding back: what a test can count on. */
export const retry = (scheduleSeconds: readonly number[]) => ({
  retry: { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null },
});

export const offsetOf = (request: Received): number => Number(request.headers["sluice-offset"]);
export const attemptOf = (request: Received): number => Number(request.headers["sluice-attempt"]);
