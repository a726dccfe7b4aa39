// A real receiver in a process of its own: counts what arrives by channel (the path), and how long it was on its way.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Envelope, SubscriberAnswer, SubscriberCommand } from "./messages.ts";

interface Channel {
  events: number;
  failShare: number;
  firstAttempts: number;
  lastAtMilliseconds: number;
  latenciesMilliseconds: number[];
  waiting: { readonly events: number; readonly id: number }[];
}

const channels = new Map<string, Channel>();

function channelOf(name: string): Channel {
  const known = channels.get(name);
  if (known !== undefined) return known;
  const made = {
    ...{ events: 0, failShare: 0, firstAttempts: 0, lastAtMilliseconds: 0 },
    ...{ latenciesMilliseconds: [], waiting: [] },
  };
  channels.set(name, made);
  return made;
}

const SENT_AT = /"sentAt":"(\d+)"/;
const nowMilliseconds = (): number => Number(process.hrtime.bigint()) / 1e6;

function take(incoming: IncomingMessage, response: ServerResponse): void {
  const channel = channelOf(incoming.url ?? "");
  let text = "";
  incoming.setEncoding("utf8");
  incoming.on("data", (chunk: string) => {
    text += chunk;
  });
  incoming.on("end", () => {
    const fails = incoming.headers["sluice-attempt"] === "1" && isToFail(channel);
    response.writeHead(fails ? 500 : 200).end();
    if (fails) return;
    const arrivedAt = nowMilliseconds();
    const sentAt = SENT_AT.exec(text)?.[1];
    if (sentAt !== undefined) channel.latenciesMilliseconds.push(arrivedAt - Number(sentAt) / 1e6);
    channel.lastAtMilliseconds = arrivedAt;
    channel.events += Number(incoming.headers["sluice-batch-size"] ?? 1);
    if (channel.waiting.length > 0) wakeUp(channel);
  });
}

/** Of first attempts alone, so that the share is that of the deliveries; evenly, so that few of them have it too. */
function isToFail(channel: Channel): boolean {
  const before = Math.floor(channel.firstAttempts * channel.failShare);
  channel.firstAttempts += 1;
  return Math.floor(channel.firstAttempts * channel.failShare) > before;
}

function wakeUp(channel: Channel): void {
  for (const one of channel.waiting.filter(({ events }) => channel.events >= events)) answer(one.id, stateOf(channel));
  channel.waiting = channel.waiting.filter(({ events }) => channel.events < events);
}

const stateOf = ({ events, lastAtMilliseconds }: Channel): SubscriberAnswer => ({ events, lastAtMilliseconds });

function answer(id: number, body: SubscriberAnswer): void {
  process.send?.({ id, body });
}

function obey({ id, body }: Envelope<SubscriberCommand>): void {
  if (body.kind === "port") {
    const address = server.address();
    answer(id, typeof address === "object" && address !== null ? { port: address.port } : {});
    return;
  }
  const channel = channelOf(body.channel);
  if (body.kind === "until") {
    channel.waiting.push({ events: body.events, id });
    wakeUp(channel);
  } else if (body.kind === "latencies") answer(id, { latenciesMilliseconds: channel.latenciesMilliseconds });
  else {
    if (body.kind === "clear") {
      channel.events = 0;
      channel.failShare = body.failShare ?? 0;
      channel.firstAttempts = 0;
      channel.latenciesMilliseconds = [];
    }
    answer(id, stateOf(channel));
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, take);
server.listen(0, "127.0.0.1", () => process.on("message", obey));
process.on("disconnect", () => process.exit());
