// A process of its own, so that making requests costs the server nothing but the requests.
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import autocannon from "autocannon";
import { type Envelope, type LoadAnswer, type LoadCommand, stampedEvent } from "./messages.ts";
import { percentile } from "./statistics.ts";

type Blast = Extract<LoadCommand, { kind: "blast" }>;
type Pace = Extract<LoadCommand, { kind: "pace" }>;

async function blast({ url, headers, body, connections, seconds, requests, keyed }: Blast): Promise<LoadAnswer> {
  const result = await autocannon({
    url,
    connections,
    method: "POST",
    headers,
    body,
    ...(seconds === undefined ? { amount: requests ?? 1 } : { duration: seconds }),
    ...(keyed ? { requests: [{ setupRequest: keyedRequest }] } : {}),
    sampleInt: 100,
  });
  return {
    requests: result["2xx"],
    refused: result.non2xx + result.errors,
    seconds: (result.finish.getTime() - result.start.getTime()) / 1000,
    p50Milliseconds: result.latency.p50,
    p99Milliseconds: result.latency.p99,
  };
}

const keyedRequest = (one: { headers?: object }) => ({
  ...one,
  headers: { ...one.headers, "idempotency-key": randomUUID() },
});

/** At their times, whatever becomes of the ones before. */
async function pace({ url, headers, perSecond, requests }: Pace): Promise<LoadAnswer> {
  const agent = new Agent({ keepAlive: true });
  const startedAt = performance.now();
  const latencies: number[] = [];
  let refused = 0;
  const one = (): Promise<void> =>
    new Promise((done) => {
      const sentAt = performance.now();
      const posted = request(url, { method: "POST", headers, agent }, (answer) => {
        answer.resume().on("end", () => {
          if (answer.statusCode === 202) latencies.push(performance.now() - sentAt);
          else refused += 1;
          done();
        });
      });
      posted.on("error", () => {
        refused += 1;
        done();
      });
      posted.end(stampedEvent());
    });
  const sent: Promise<void>[] = [];
  for (let index = 0; index < requests; index += 1) {
    const at = startedAt + (index * 1000) / perSecond;
    await new Promise((resume) => setTimeout(resume, Math.max(0, at - performance.now())));
    sent.push(one());
  }
  await Promise.all(sent);
  agent.destroy();
  return {
    requests: latencies.length,
    refused,
    seconds: (performance.now() - startedAt) / 1000,
    p50Milliseconds: percentile(latencies, 0.5),
    p99Milliseconds: percentile(latencies, 0.99),
  };
}

process.on("message", async ({ id, body }: Envelope<LoadCommand>) => {
  const answer = body.kind === "blast" ? await blast(body) : await pace(body);
  process.send?.({ id, body: answer });
});
process.on("disconnect", () => process.exit());
