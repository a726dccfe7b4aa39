import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to outgoing connections: one of those may take a port that was just found free. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;
const TRIES_MAX = 100;

/** A port nobody listens on right now, on either loopback address. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if ((await canListen("127.0.0.1", port)) && (await canListen("::1", port))) return port;
  }
  throw new Error(`no port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} is free`);
}

async function canListen(host: string, port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (thrown) {
    // A machine without IPv6 has no ::1, and so nobody listens there.
    return thrown instanceof Error && "code" in thrown && thrown.code === "EADDRNOTAVAIL";
  }
  server.close();
  await once(server, "close");
  return true;
}
