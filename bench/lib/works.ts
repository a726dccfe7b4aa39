import { EVENT, type Gateway } from "./gateway.ts";
import type { Load, Subscriber } from "./helper.ts";

/** A gateway at work, and who makes it work. `channel`: of the subscriber, nobody else's. */
export interface Site {
  readonly gateway: Gateway;
  readonly load: Load;
  readonly subscriber: Subscriber;
  readonly channel: string;
}

/** Makes a turn ready; what it returns is the turn itself, and answers how many events it was about. */
export type Work = () => Promise<() => Promise<number>>;

const BLAST_SECONDS = 4;
const CLIENTS = 32;
const DRAINED_EVENTS = 6000;
const PACED_EVENTS = 250;
const PACED_PER_SECOND = 50;
const FANNED_OUT = 1000;

async function blast({ gateway, load }: Site, topic: string): Promise<number> {
  const { requests } = await load.ask({
    ...{ kind: "blast", url: gateway.eventsUrl(topic), headers: gateway.headers, body: EVENT },
    ...{ connections: CLIENTS, seconds: BLAST_SECONDS },
  });
  return requests;
}

/** What the gateway is at while it is looked at, each with what it needs made beforehand. */
const WORKS: Readonly<Record<string, (site: Site) => Promise<Work>>> = {
  ingest: async (site) => {
    const topic = await site.gateway.createTopic();
    return async () => () => blast(site, topic);
  },
  drain: async ({ gateway, subscriber, channel }) => {
    return async () => {
      const topic = await gateway.createTopic();
      const name = await gateway.subscribe(topic, subscriber.url(channel), { concurrency: CLIENTS });
      await gateway.call("POST", `/v1/subscriptions/${name}/pause`);
      await gateway.fill(topic, DRAINED_EVENTS);
      await subscriber.ask({ kind: "clear", channel });
      return async () => {
        await gateway.call("POST", `/v1/subscriptions/${name}/resume`);
        await subscriber.ask({ kind: "until", channel, events: DRAINED_EVENTS });
        return DRAINED_EVENTS;
      };
    };
  },
  together: async (site) => {
    const { gateway, subscriber, channel } = site;
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, subscriber.url(channel));
    return async () => {
      await subscriber.ask({ kind: "clear", channel });
      return async () => {
        const events = await blast(site, topic);
        await subscriber.ask({ kind: "until", channel, events });
        return events;
      };
    };
  },
  latency: async ({ gateway, load, subscriber, channel }) => {
    const topic = await gateway.createTopic();
    await gateway.subscribe(topic, subscriber.url(channel));
    return async () => {
      await subscriber.ask({ kind: "clear", channel });
      return async () => {
        const [url, { headers }] = [gateway.eventsUrl(topic), gateway];
        await load.ask({ kind: "pace", url, headers, perSecond: PACED_PER_SECOND, requests: PACED_EVENTS });
        await subscriber.ask({ kind: "until", channel, events: PACED_EVENTS });
        return PACED_EVENTS;
      };
    };
  },
  "fan-out": async ({ gateway, subscriber, channel }) => {
    const topic = await gateway.createTopic();
    await gateway.subscribeMany(FANNED_OUT, () => [topic, subscriber.url(channel)]);
    return async () => {
      await subscriber.ask({ kind: "clear", channel });
      return async () => {
        await gateway.call("POST", `/v1/topics/${topic}/events`, EVENT);
        await subscriber.ask({ kind: "until", channel, events: FANNED_OUT });
        return FANNED_OUT;
      };
    };
  },
};

/** Throws, naming what there is, for a name that is none of them. */
export function workOf(name: string): (site: Site) => Promise<Work> {
  const work = WORKS[name];
  if (work === undefined) throw new Error(`"${name}" is none of ${Object.keys(WORKS).join(", ")}.`);
  return work;
}
