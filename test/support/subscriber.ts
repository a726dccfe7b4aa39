import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

/** A request as it arrived. */
export interface Received {
  readonly method: string;
  readonly path: string;
  /** Lower-case names; a repeated one joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Unix milliseconds of its arrival. */
  readonly at: number;
}

export type Reply =
  | number
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
/** Decides the answer to a request; a promise lets the sender wait. */
export type Script = Reply | ((request: Received) => Reply | Promise<Reply>);

const WAIT_MAX_MS = 30_000;

/** A real HTTP server that keeps what it receives and answers as told. */
export class Subscriber {
  readonly received: Received[] = [];
  /** May be changed at any time; holds for the requests after. */
  script: Script;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server, script: Script) {
    this.#server = server;
    this.script = script;
  }

  static async start(script: Script = 200, port = 0): Promise<Subscriber> {
    const server = createServer((request, response) => {
      // A sender that is killed halfway has not sent a request.
      subscriber.#take(request, response).catch(() => response.destroy());
    });
    const subscriber = new Subscriber(server, script);
    // All addresses of the machine's loopback: `localhost` may mean either.
    server.listen(port, "localhost");
    await once(server, "listening");
    return subscriber;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the subscriber is closed");
    return address.port;
  }

  get url(): string {
    return `http://localhost:${this.port}/hook`;
  }

  /** The requests that carry this event. */
  of(eventId: string): Received[] {
    return this.received.filter((request) => request.headers["webhook-id"] === eventId);
  }

  /** Resolves when at least `count` requests have arrived (that match); rejects, with what there is, after the timeout. */
  async waitFor(
    count: number,
    matches: (request: Received) => boolean = () => true,
    timeoutMilliseconds = WAIT_MAX_MS,
  ): Promise<Received[]> {
    const found = () => this.received.filter(matches);
    if (found().length < count)
      await this.#until(
        () => found().length >= count,
        timeoutMilliseconds,
        () => `${found().length} of ${count} requests arrived`,
      );
    return found();
  }

  /** Ends it, and what is under way with it; connections are refused from then on. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #until(reached: () => boolean, timeoutMilliseconds: number, state: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!reached()) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`${state()} within ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
      this.#waiting.add(check);
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const received: Received = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: Object.fromEntries(
        Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(",")]),
      ),
      body: Buffer.concat(chunks),
      at,
    };
    this.received.push(received);
    for (const check of [...this.#waiting]) check();
    const reply = typeof this.script === "function" ? await this.script(received) : this.script;
    const { status, headers = {}, body = "" } = typeof reply === "number" ? { status: reply } : reply;
    response.writeHead(status, headers).end(body);
  }
}

/** Throws unless both official libraries accept the request: `standardwebhooks` and `svix`. */
export function verify(request: Received, secret: string): void {
  new StandardWebhook(secret).verify(request.body, { ...request.headers });
  new SvixWebhook(secret).verify(request.body.toString("utf8"), { ...request.headers });
}

/** The very text of `data` in a `standard` body. */
export function dataText(request: Received): string {
  const text = request.body.toString("utf8");
  const mark = ',"data":';
  const start = text.indexOf(mark);
  if (start < 0) throw new Error(`no data in ${text.slice(0, 200)}`);
  return text.slice(start + mark.length, -1);
}
