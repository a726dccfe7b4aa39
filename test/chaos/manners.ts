import type { Socket } from "node:net";

/** How a request is answered, to the byte. */
export type Manner =
  | "ok"
  | "ok-204"
  | "ok-close"
  | "ok-slow-head"
  | "ok-slow-body"
  | "ok-endless-body"
  | "ok-lying-length"
  | "ok-reset-after-head"
  | "500"
  | "404"
  | "302"
  | "429-retry-after"
  | "503-retry-after"
  | "503-nonsense"
  | "410"
  | "abort-message"
  | "reset-before-head"
  | "reset-in-head"
  | "endless-head"
  | "garbage"
  | "hang";

/** What a manner tells of itself while it goes on. */
export interface Progress {
  /** The last byte of a head with this status went out. */
  head(status: number): void;
  /** The last byte of the whole answer went out. */
  end(): void;
}

/** How far apart the bytes of a slow answer are, and how many there are of those that should end in time. */
const DRIP_MS = 40;
const SLOW_STEPS = 4;
export const RETRY_AFTER_SECONDS = 3;

const TEXT = "ok";

const head = (status: string, fields = `content-length: ${TEXT.length}`): string =>
  `HTTP/1.1 ${status}\r\n${fields}\r\n\r\n`;

const plain =
  (status: string, more = "") =>
  (socket: Socket, progress: Progress): void => {
    const fields = `content-length: ${TEXT.length}${more === "" ? "" : `\r\n${more}`}`;
    whole(socket, progress, head(status, fields) + TEXT, Number(status.slice(0, 3)));
  };

function whole(socket: Socket, progress: Progress, bytes: string, status: number): void {
  socket.write(bytes, () => {
    progress.head(status);
    progress.end();
  });
}

/** Sends the pieces one after the other, as long as anybody listens; `done` with the last of them. */
function drip(socket: Socket, pieces: Iterable<string>, done: () => void): void {
  const left = pieces[Symbol.iterator]();
  const step = () => {
    const { value, done: finished } = left.next();
    if (finished === true) return done();
    if (socket.destroyed) return;
    socket.write(value, () => setTimeout(step, DRIP_MS));
  };
  step();
}

function* endless(piece: string): Generator<string> {
  for (;;) yield piece;
}

function pieces(text: string, count: number): string[] {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size)).filter(Boolean);
}

const MANNERS: Readonly<Record<Manner, (socket: Socket, progress: Progress) => void>> = {
  ok: plain("200 OK"),
  "ok-204": (socket, progress) => whole(socket, progress, "HTTP/1.1 204 No Content\r\n\r\n", 204),
  "ok-close": (socket, progress) => {
    whole(socket, progress, head("200 OK", "connection: close"), 200);
    socket.end();
  },
  "ok-slow-head": (socket, progress) =>
    drip(socket, pieces(head("200 OK"), SLOW_STEPS), () => whole(socket, progress, TEXT, 200)),
  "ok-slow-body": (socket, progress) => {
    socket.write(head("200 OK", `content-length: ${SLOW_STEPS}`), () => progress.head(200));
    drip(socket, "x".repeat(SLOW_STEPS), () => progress.end());
  },
  "ok-endless-body": (socket, progress) => {
    socket.write(head("200 OK", "content-length: 1000000000"), () => progress.head(200));
    drip(socket, endless("x"), () => undefined);
  },
  "ok-lying-length": (socket, progress) => {
    whole(socket, progress, head("200 OK", "content-length: 1000") + TEXT, 200);
    socket.end();
  },
  "ok-reset-after-head": (socket, progress) => {
    socket.write(head("200 OK", "content-length: 1000") + TEXT, () => {
      progress.head(200);
      socket.resetAndDestroy();
    });
  },
  "500": plain("500 Internal Server Error"),
  "404": plain("404 Not Found"),
  "302": plain("302 Found", "location: http://127.0.0.1:9/elsewhere"),
  "429-retry-after": plain("429 Too Many Requests", `retry-after: ${RETRY_AFTER_SECONDS}`),
  "503-retry-after": plain("503 Service Unavailable", `retry-after: ${RETRY_AFTER_SECONDS}`),
  "503-nonsense": plain("503 Service Unavailable", "retry-after: whenever you like"),
  "410": plain("410 Gone"),
  "abort-message": plain("400 Bad Request", "webhook-delivery: abort-message"),
  "reset-before-head": (socket) => socket.resetAndDestroy(),
  "reset-in-head": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-le", () => socket.resetAndDestroy());
  },
  "endless-head": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    drip(socket, endless("x-more: x\r\n"), () => undefined);
  },
  garbage: (socket) => {
    socket.end("220 mail.example.com ESMTP ready\r\n");
  },
  hang: () => undefined,
};

export const answerWith = (manner: Manner, socket: Socket, progress: Progress): void =>
  MANNERS[manner](socket, progress);

/** What may come of a good manner: a reset right behind the head may overtake it. */
export const isGood = (manner: Manner): boolean => manner.startsWith("ok");
