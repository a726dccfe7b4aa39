import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { parseBody, parseHead } from "./http-request.ts";
import { now } from "./journal.ts";
import { answerWith, type Manner } from "./manners.ts";

/** A request as it came over the wire, and what it was answered. */
export interface Arrival {
  /** Name of the endpoint: whose URL was called. */
  readonly endpoint: string;
  /** Unix ms of its first byte: it had started by then. */
  readonly startedAt: number;
  /** Unix ms of its last byte. What was cut off is no request, and is not kept. */
  readonly at: number;
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly manner: Manner;
  /** When and with which status a whole head was answered. */
  answered: { readonly at: number; readonly status: number } | null;
  /** When the last byte of the answer was given to the system. */
  endedAt: number | null;
}

export type Chooser = (arrival: Omit<Arrival, "manner">) => Manner;

export interface Watcher {
  /** The subscriber has the whole request, and has not begun to answer. */
  received(arrival: Arrival): void;
  /** The last byte of an answer is on its way. */
  ended(arrival: Arrival): void;
}

/** A subscriber on raw sockets: it records what arrives, byte for byte, and answers in the manner chosen for each. */
export class Endpoint {
  readonly name: string;
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #choose: Chooser;
  readonly #watcher: Watcher;

  private constructor(name: string, choose: Chooser, watcher: Watcher) {
    this.name = name;
    this.#choose = choose;
    this.#watcher = watcher;
    this.#server = createServer((socket) => this.#connected(socket));
  }

  static async open(name: string, choose: Chooser, watcher: Watcher, host = "127.0.0.1"): Promise<Endpoint> {
    const endpoint = new Endpoint(name, choose, watcher);
    endpoint.#server.listen(0, host);
    await once(endpoint.#server, "listening");
    return endpoint;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error(`${this.name} is closed`);
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/${this.name}`;
  }

  /** Ends what hangs: nobody will answer it any more. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.hangUp();
    this.#server.close();
    await once(this.#server, "close");
  }

  #connected(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    let received = Buffer.alloc(0);
    let startedAt = 0;
    socket.on("data", (chunk) => {
      if (received.length === 0) startedAt = now();
      received = Buffer.concat([received, chunk]);
      const head = parseHead(received);
      const complete = head === null ? null : parseBody(received, head);
      if (head === null || complete === null) return;
      received = received.subarray(complete.end);
      this.#take(socket, { startedAt, line: head.line, headers: head.headers, body: complete.body });
      startedAt = now();
    });
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #take(socket: Socket, request: Pick<Arrival, "startedAt" | "line" | "headers" | "body">): void {
    const seen = { endpoint: this.name, at: now(), answered: null, endedAt: null, ...request };
    const arrival: Arrival = { ...seen, manner: this.#choose(seen) };
    this.#watcher.received(arrival);
    if (socket.destroyed) return;
    answerWith(arrival.manner, socket, {
      head: (status) => {
        arrival.answered = { at: now(), status };
      },
      end: () => {
        arrival.endedAt = now();
        this.#watcher.ended(arrival);
      },
    });
  }
}
