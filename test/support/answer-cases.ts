import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import type { DeliveryState } from "../../src/subscription/rpc.ts";
import { answering, dripping, http } from "./raw-answer.ts";
import type { RawBehaviour } from "./raw-server.ts";

/** A subscriber, and what its answer comes to (API clause 6.3): the outcome and the row in the delivery log. */
export interface AnswerCase {
  readonly name: string;
  readonly behaviour: RawBehaviour;
  readonly state: DeliveryState;
  readonly statusCode: number | null;
  /** Error code; null is success. */
  readonly error: string | null;
  /** What is kept of the answer, as far as it matters. */
  readonly response: object | null;
  readonly timeoutSeconds?: number;
  /** In place of the address of the raw subscriber. */
  readonly url?: (port: number) => string;
  /** Why it is a dead letter, if it is not for having no attempts left. */
  readonly deadReason?: "aborted";
  /** Why the subscription is disabled by this. */
  readonly disabledReason?: string;
}

const success = (name: string, bytes: string | Buffer, body: unknown = "", truncated = false): AnswerCase => ({
  ...{ name, behaviour: answering(bytes), state: "delivered", statusCode: 200, error: null },
  response: { body, truncated },
});

const SHORT = ["Content-Length: 2"];
const OK = http("200 OK", SHORT, "ok");

/** A hundred lines of 3 kB. */
const WIDE_HEAD = Array.from({ length: 100 }, (_, at) => `X-${at}: ${"v".repeat(3000)}`);

/** The same cases under the id that they have among the bad inputs. */
const of = (id: string, ...cases: readonly AnswerCase[]): AnswerCase[] =>
  cases.map((one) => ({ ...one, name: `${id} ${one.name}` }));

const WITHOUT_BODY = ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Fine"];
const WITH_BODY = ["200 OK", "201 Created", "202 Accepted", "299 Fine"];

const SUCCESSES: readonly AnswerCase[] = [
  ...WITHOUT_BODY.map((status) => ({
    ...success(`B01 ${status} without a body`, http(status, status.startsWith("204") ? [] : undefined)),
    statusCode: Number(status.slice(0, 3)),
  })),
  ...WITH_BODY.map((status) => ({
    ...success(`B01 ${status} with a body`, http(status, SHORT, "ok"), "ok"),
    statusCode: Number(status.slice(0, 3)),
  })),
  { ...success("B01 204 with a body that it must not have", http("204 No Content", SHORT, "ok")), statusCode: 204 },
  success("100 Continue, then 200", `HTTP/1.1 100 Continue\r\n\r\n${OK}`, "ok"),
  success(
    "102, 103 and 199, then 200",
    `${http("102 X", [])}${http("103 X", ["Link: x"])}${http("199 X", [])}${OK}`,
    "ok",
  ),
  success("B22 HTTP/1.0 without a length", "HTTP/1.0 200 OK\r\n\r\nok", "ok"),
  success("a body until the close", http("200 OK", [], "ok"), "ok"),
  success("the same length twice", http("200 OK", [...SHORT, ...SHORT], "ok"), "ok"),
  success(
    "B22 trailers and chunk extensions",
    http("200 OK", ["Transfer-Encoding: chunked", "Trailer: x"], '2;a="b;c"\r\nok\r\n0\r\nx: 1\r\n\r\n'),
    "ok",
  ),
  success("gzip", Buffer.concat([Buffer.from(http("200 OK", ["Content-Encoding: gzip"])), gzipSync("ok")]), "ok"),
  success("webhook-delivery on a success", http("200 OK", ["webhook-delivery: disable", ...SHORT], "ok"), "ok"),
  success("Retry-After on a success", http("200 OK", ["Retry-After: 3600", ...SHORT], "ok"), "ok"),
  success("a head of 300 kB", http("200 OK", [...WIDE_HEAD, ...SHORT], "ok"), "ok"),
  success("B16 a length larger than the body", http("200 OK", ["Content-Length: 9"], "abc"), "abc", true),
  success("a length smaller than the body", http("200 OK", SHORT, "abc"), "ab"),
  success("broken chunks", http("200 OK", ["Transfer-Encoding: chunked"], "3\r\nabc\r\nZ\r\n"), "abc", true),
  success("B15 broken gzip", http("200 OK", ["Content-Encoding: gzip", "Content-Length: 9"], "no gzip!!"), "", true),
  success("B15 broken brotli", http("200 OK", ["Content-Encoding: br", "Content-Length: 9"], "no brotli"), "", true),
  {
    ...success("B24 200 without reading the request", OK, "ok"),
    behaviour: { connected: (socket) => socket.once("data", () => socket.pause().end(OK)) },
  },
  {
    ...success("B16 a reset inside the body", "", expect.stringMatching(/^(?:abc)?$/), true),
    behaviour: {
      request: (socket) => {
        socket.write(http("200 OK", ["Content-Length: 9"], "abc"));
        setTimeout(() => socket.resetAndDestroy(), 50);
      },
    },
  },
];

const failure = (status: string, headers: readonly string[] = ["Content-Length: 0"], body = ""): AnswerCase => ({
  name: [status, ...headers].join(", "),
  behaviour: answering(http(status, headers, body)),
  state: "dead",
  statusCode: Number(status.slice(0, 3)),
  error: "status",
  response: { body, truncated: false },
});

const FAILURES: readonly AnswerCase[] = [
  ...of("B03", { ...failure("101 Switching Protocols", ["Connection: Upgrade", "Upgrade: x"]), error: "response" }),
  ...["300 Choices", "304 Not Modified"].flatMap((status) => of("B06", { ...failure(status), error: "redirect" })),
  ...["301", "302", "303", "307", "308"].map((status) => ({
    ...failure(`${status} Moved`, ["Location: /elsewhere", ...SHORT], "no"),
    error: "redirect",
  })),
  ...["400", "401", "402", "403", "404", "405", "406", "407", "408", "409"].flatMap((status) =>
    of("B06", failure(`${status} No`)),
  ),
  ...["411", "412", "413", "414", "415", "418", "422", "425", "429"].flatMap((status) =>
    of("B06", failure(`${status} No`)),
  ),
  ...["500", "501", "502", "503", "504", "599", "600", "999"].flatMap((status) => of("B10", failure(`${status} Oops`))),
  failure("422 No", ["Content-Type: text/plain", "Content-Length: 9"], "bad thing"),
  { ...failure("500 Oops", ["webhook-delivery: abort-message", ...SHORT], "no"), deadReason: "aborted" },
  failure("500 Oops", ["webhook-delivery: dance", ...SHORT], "no"),
  ...of("B07", { ...failure("410 Gone"), state: "held", disabledReason: "gone" }),
  { ...failure("400 No", ["Webhook-Delivery: Disable", ...SHORT], "no"), state: "held", disabledReason: "requested" },
];

const nothing = (name: string, error: string, behaviour: RawBehaviour, more: Partial<AnswerCase> = {}): AnswerCase => ({
  ...{ name, behaviour, state: "dead", statusCode: null, error, response: null },
  ...more,
});
const garbage = (name: string, bytes: string): AnswerCase => nothing(name, "connection", answering(bytes));
const timeout = (name: string, behaviour: RawBehaviour): AnswerCase =>
  nothing(name, "timeout", behaviour, { timeoutSeconds: 1 });

const NO_ANSWERS: readonly AnswerCase[] = [
  nothing("a close at once", "connection", { connected: (socket) => socket.destroy() }),
  nothing("a reset before the head", "connection", { request: (socket) => socket.resetAndDestroy() }),
  nothing("a reset inside the head", "connection", {
    request: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Le", () => socket.resetAndDestroy()),
  }),
  garbage("a head that breaks off", "HTTP/1.1 200 OK\r\nContent-Le"),
  garbage("only 100 Continue", "HTTP/1.1 100 Continue\r\n\r\n"),
  garbage("B18 bytes that are no HTTP", "\x01\x02 garbage\r\n\r\n"),
  garbage("a web page without a head", "<html>OK</html>\r\n\r\n"),
  garbage("B18 two lengths", http("200 OK", ["Content-Length: 2", "Content-Length: 3"], "abc")),
  garbage("a negative length", http("200 OK", ["Content-Length: -2"], "ab")),
  garbage("a length that is no number", http("200 OK", ["Content-Length: two"], "ab")),
  garbage("a status of two digits", http("20 OK", SHORT, "ok")),
  garbage("a status of four digits", http("2000 OK", SHORT, "ok")),
  garbage("a header line without a colon", http("200 OK", ["no colon here", ...SHORT], "ok")),
  nothing("a greeting of another protocol", "connection", { connected: (socket) => socket.write("220 ESMTP\r\n") }),
  nothing(
    "no TLS",
    "tls",
    { connected: (socket) => socket.end(http("400 No")) },
    { url: (port) => `https://127.0.0.1:${port}/` },
  ),
  nothing("an unknown host", "dns", {}, { url: () => `http://${"a".repeat(64)}.example/` }),
  timeout("nothing at all", {}),
  timeout("100 Continue and nothing more", { request: (socket) => socket.write("HTTP/1.1 100 Continue\r\n\r\n") }),
  timeout("a head a byte at a time", dripping("HTTP/1.1 200 OK\r\nX: ", "x", 40)),
  timeout("1xx for ever", dripping("", http("102 Processing", []), 40)),
];

/** Last in the list: nobody waits for them before the others have been looked at. */
const SLOW_BODIES: readonly AnswerCase[] = [
  {
    ...success("B12 a body of a byte now and then", "", expect.stringMatching(/^x{0,24}$/), true),
    behaviour: dripping(http("200 OK", ["Content-Length: 1000"]), "x", 300),
    timeoutSeconds: 6,
  },
  {
    ...success("a body that never comes", "", "", true),
    behaviour: { request: (socket) => socket.write(http("200 OK", ["Content-Length: 1000"])) },
    timeoutSeconds: 6,
  },
];

export const ANSWER_CASES: readonly AnswerCase[] = [...SUCCESSES, ...FAILURES, ...NO_ANSWERS, ...SLOW_BODIES];

/** An answer with Retry-After, and what the subscription makes of it. */
export interface RetryAfterCase {
  readonly status: string;
  readonly values: readonly string[];
  readonly scheduleSeconds: number;
  /** When it is tried again, in seconds from the answer; null = by the schedule. */
  readonly waits: number | null;
}

const TWO_HOURS = 7200;
const DAY = 86_400;
const TEN_YEARS = 3650 * DAY;

/** The three forms of an HTTP date (RFC 9110 section 5.6.7). */
function httpDates(inSeconds: number): readonly [string, string, string] {
  const date = new Date(Date.now() + inSeconds * 1000);
  const long = date.toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
  const [weekday, day = "", month, year = "", time] = date.toUTCString().split(/,? /);
  return [
    date.toUTCString(),
    `${long}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    `${weekday} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`,
  ];
}

const retryAfter = (status: string, values: readonly string[], waits: number | null, scheduleSeconds = 0.1) => ({
  ...{ status, values, waits, scheduleSeconds },
});

export const RETRY_AFTER_CASES: readonly RetryAfterCase[] = [
  ...["429 Slow", "503 Busy"].flatMap((status) => [
    retryAfter(status, [`${TWO_HOURS}`], TWO_HOURS),
    ...httpDates(TWO_HOURS).map((date) => retryAfter(status, [date], TWO_HOURS)),
    retryAfter(status, [`${TEN_YEARS}`], DAY),
    retryAfter(status, ["9".repeat(400)], DAY),
    retryAfter(status, [httpDates(TEN_YEARS)[0]], DAY),
    retryAfter(status, ["1"], TWO_HOURS, TWO_HOURS),
    retryAfter(status, [httpDates(-TWO_HOURS)[0]], null),
    ...["0", "", "-1", "+7200", "abc", "120.6", "1e9", "Infinity", "NaN"].map((text) =>
      retryAfter(status, [text], null),
    ),
    retryAfter(status, ["7200", "7200"], null),
  ]),
  ...["408 Late", "413 Large", "500 Oops", "502 Oops", "504 Oops", "302 Found"].map((status) =>
    retryAfter(status, [`${TWO_HOURS}`], null),
  ),
];
