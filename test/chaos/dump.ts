import { EVENTS_TOPIC } from "../../src/core/operational-event.ts";
import type { AttemptAnswer, DeadLetterAnswer, DeliveryAnswer } from "../support/client.ts";
import type { Stage } from "./stage.ts";

/** Details asked for at once. */
const AT_ONCE = 12;

/** An event as the API shows it, with the very text of its data. */
export interface LogEntry {
  readonly id: string;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly receivedAt: string;
  readonly data: string;
}

export type DeliveryDump = DeliveryAnswer<readonly AttemptAnswer[]>;

export interface SubscriptionDump {
  readonly view: { readonly lag: number; readonly state: string; readonly name: string };
  /** Ascending by offset. */
  readonly deliveries: readonly DeliveryDump[];
}

/** All state of all tenants, as the API shows it. */
export interface Dump {
  /** By `tenant/topic`. */
  readonly logs: ReadonlyMap<string, readonly LogEntry[]>;
  /** By id. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionDump>;
  /** By tenant. */
  readonly deadLetters: ReadonlyMap<string, readonly DeadLetterAnswer[]>;
  /** Every part of it as text, by name: what must be the same after a restart. */
  readonly texts: ReadonlyMap<string, string>;
}

export async function dumpOf(stage: Stage): Promise<Dump> {
  const logs = new Map<string, LogEntry[]>();
  const subscriptions = new Map<string, SubscriptionDump>();
  const deadLetters = new Map<string, DeadLetterAnswer[]>();
  const texts = new Map<string, string>();
  for (const [tenant, api] of stage.apis) {
    const topics = await api.list<{ name: string }>("/v1/topics");
    for (const topic of topics) {
      const { entries, text } = await logOf(stage, tenant, topic.name);
      logs.set(`${tenant}/${topic.name}`, entries);
      if (topic.name === EVENTS_TOPIC) continue;
      texts.set(`topic ${tenant}/${topic.name}`, JSON.stringify(topic));
      texts.set(`log ${tenant}/${topic.name}`, text);
    }
    for (const view of await api.list<SubscriptionDump["view"] & { id: string }>("/v1/subscriptions")) {
      const path = `/v1/subscriptions/${view.id}/deliveries`;
      const listed = (await api.list<DeliveryAnswer>(path)).toReversed();
      const details = await eachOf(listed, async ({ eventId }) => (await api.get(`${path}/${eventId}`)).text);
      subscriptions.set(view.id, { view, deliveries: details.map((text) => JSON.parse(text)) });
      texts.set(`subscription ${tenant}/${view.name}`, JSON.stringify(view, withoutVolatile));
      texts.set(`deliveries ${tenant}/${view.name}`, `${JSON.stringify(listed)}\n${details.join("\n")}`);
    }
    deadLetters.set(tenant, await api.list<DeadLetterAnswer>("/v1/dead-letters"));
    texts.set(`dead letters ${tenant}`, JSON.stringify(deadLetters.get(tenant)));
  }
  return { logs, subscriptions, deadLetters, texts };
}

/** The moment of the last success is worked out anew from the delivery log after a restart, where it began, not ended. */
const withoutVolatile = (name: string, value: unknown): unknown => (name === "lastSuccessAt" ? undefined : value);

/** What differs between two dumps, with the place where each difference begins. */
export function differences(one: Dump, other: Dump): string[] {
  const names = new Set([...one.texts.keys(), ...other.texts.keys()]);
  const changed = [...names].flatMap((name) => {
    const before = one.texts.get(name) ?? "(nothing)";
    const after = other.texts.get(name) ?? "(nothing)";
    if (before === after) return [];
    let at = 0;
    while (before[at] === after[at]) at += 1;
    const excerpt = (text: string) => text.slice(Math.max(0, at - 120), at + 120);
    return [`${name} was …${excerpt(before)}…, is …${excerpt(after)}…`];
  });
  return [...changed, ...rewritten(one, other)];
}

/** What is said about a death that was redriven since may still come: operational events are only ever added. */
function rewritten(one: Dump, other: Dump): string[] {
  return [...one.logs].flatMap(([name, before]) => {
    if (!name.endsWith(`/${EVENTS_TOPIC}`)) return [];
    const after = other.logs.get(name)?.slice(0, before.length);
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${name} lost or changed what it had`];
  });
}

async function logOf(stage: Stage, tenant: string, topic: string): Promise<{ entries: LogEntry[]; text: string }> {
  const entries: LogEntry[] = [];
  const texts: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { text } = await stage.api(tenant).get(`/v1/topics/${topic}/events?limit=200${query}`);
    const page: { data: (Omit<LogEntry, "data"> & { size: number })[]; next: string | null } = JSON.parse(text);
    entries.push(...withTexts(Buffer.from(text), page.data));
    texts.push(JSON.stringify(text.slice(0, text.lastIndexOf("]"))));
    cursor = page.next;
  }
  return { entries, text: texts.join("\n") };
}

/** `data` is the last member of an event: its text stands right behind its size. */
function withTexts(page: Buffer, events: readonly (Omit<LogEntry, "data"> & { size: number })[]): LogEntry[] {
  let at = 0;
  return events.map((event) => {
    const before = `"size":${event.size},"data":`;
    const start = page.indexOf(before, page.indexOf(`"id":"${event.id}"`, at)) + before.length;
    at = start + event.size;
    return { ...event, data: page.toString("utf8", start, at) };
  });
}

async function eachOf<T, R>(list: readonly T[], ask: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < list.length; at += AT_ONCE) {
    results.push(...(await Promise.all(list.slice(at, at + AT_ONCE).map(ask))));
  }
  return results;
}
