import { createServer } from "node:net";
import { Explained } from "./main.mjs";

const LAST_PORT = 65_535;
/** `wrangler dev` listens on localhost, which is either of them; a listener on all addresses occupies both. */
const LOOPBACKS = ["127.0.0.1", "::1"];

const canListen = (host, port) =>
  new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1 (EADDRNOTAVAIL): nobody can occupy it.
    server.once("error", (error) => resolve(error.code !== "EADDRINUSE" && error.code !== "EACCES"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });

const isFree = async (port) => (await Promise.all(LOOPBACKS.map((host) => canListen(host, port)))).every(Boolean);

/** The first free port at or after `wanted`. */
export async function freePort(wanted) {
  for (let port = wanted; port <= LAST_PORT; port++) {
    if (await isFree(port)) return port;
  }
  throw new Explained(`No port from ${wanted} on is free. Give another one: npm start -- --port 9000`);
}
