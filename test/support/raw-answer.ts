import { constants, deflateRawSync } from "node:zlib";
import type { RawBehaviour } from "./raw-server.ts";

/** An answer as the bytes of HTTP. */
export const http = (status: string, headers: readonly string[] = ["Content-Length: 0"], body = ""): string =>
  [`HTTP/1.1 ${status}`, ...headers, "", body].join("\r\n");

/** Answers each request with these bytes (a string: one byte a character) and closes. */
export const answering = (bytes: string | Buffer): RawBehaviour => ({
  request: (socket) => socket.end(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes),
});

/** Behaves by the number of the request: the first, the second, ...; the last one for ever. */
export function inTurn(...behaviours: readonly RawBehaviour[]): RawBehaviour {
  let requests = 0;
  return {
    request: (socket) => {
      behaviours[Math.min(requests++, behaviours.length - 1)]?.request?.(socket);
    },
  };
}

/** Sends these bytes, then `piece` every so many milliseconds for as long as the other side listens. */
export const dripping = (start: string, piece: string, everyMilliseconds: number): RawBehaviour => ({
  request: (socket) => {
    socket.write(start);
    const drip = setInterval(() => socket.write(piece), everyMilliseconds);
    socket.on("close", () => clearInterval(drip));
  },
});

/**
 * Sends a head, then pieces for as long as the other side takes them: one each turn of the event loop, so that nothing
 * else in this process waits. `sent` is told of each one.
 */
export const flooding = (
  head: string,
  pieces: () => Iterable<Buffer>,
  sent?: (bytes: number) => void,
): RawBehaviour => ({
  request: (socket) => {
    socket.write(head);
    const left = pieces()[Symbol.iterator]();
    const pour = (): void => {
      if (!socket.writable) return;
      const { done, value } = left.next();
      if (done === true) {
        socket.end();
        return;
      }
      sent?.(value.length);
      if (socket.write(value)) setImmediate(pour);
      else socket.once("drain", () => setImmediate(pour));
    };
    pour();
  },
});

const CHUNK = Buffer.alloc(65_536, 0x61);

/** So many bytes, or for ever. */
export function* letters(bytes = Number.POSITIVE_INFINITY): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}

const INFLATED = 10_000_000;
/** A flushed block of zeros: it stands for itself, so it can be repeated. */
const zeros = (): Buffer => deflateRawSync(Buffer.alloc(INFLATED), { finishFlush: constants.Z_FULL_FLUSH });
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** A gzip stream of zeros that are so many bytes when inflated; it ends without its checksum. */
export function* gzipBomb(bytes: number): Generator<Buffer> {
  const block = zeros();
  yield GZIP_HEAD;
  for (let inflated = 0; inflated < bytes; inflated += INFLATED) yield block;
}
