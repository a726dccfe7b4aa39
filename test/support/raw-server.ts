import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** One request as it came over the wire. */
export interface RawRequest {
  readonly line: string;
  /** Lower-case names; a repeated one keeps its last value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface RawServer {
  readonly port: number;
  /** All whose body has arrived as well. */
  readonly requests: readonly RawRequest[];
  connections(): number;
  open(): number;
  close(): Promise<void>;
}

export interface RawBehaviour {
  /** When a connection is made. */
  connected?(socket: Socket): void;
  /** When a request has arrived whole. */
  request?(socket: Socket): void;
}

/** A TCP server that answers with whatever bytes a test likes, which no HTTP library would send. */
export async function rawServer(behaviour: RawBehaviour): Promise<RawServer> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    behaviour.connected?.(socket);
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const request = parse(received);
      if (request === null) return;
      received = Buffer.alloc(0);
      requests.push(request);
      behaviour.request?.(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    requests,
    connections: () => connections,
    open: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function parse(received: Buffer): RawRequest | null {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line = "", ...fields] = received.toString("latin1", 0, end).split("\r\n");
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const body = received.subarray(end + 4);
  return body.length < Number(headers.get("content-length") ?? 0) ? null : { line, headers, body };
}
