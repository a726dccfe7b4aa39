// What a Node team builds instead, its back: a BullMQ worker that signs and sends, 32 at a time.
import { createHmac } from "node:crypto";
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const CONCURRENCY = 32;
const SECRET = "0123456789abcdef0123456789abcdef";
const [redisPort = ""] = process.argv.slice(2);

interface Job {
  readonly event: unknown;
  readonly url: string;
}

const worker = new Worker<Job>(
  "deliveries",
  async ({ id, data }) => {
    const body = JSON.stringify(data.event);
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", SECRET).update(`${id}.${timestamp}.${body}`).digest("base64");
    const response = await fetch(data.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": `${id}`,
        "webhook-timestamp": `${timestamp}`,
        "webhook-signature": `v1,${signature}`,
      },
      body,
      signal: AbortSignal.timeout(15_000),
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the subscriber answered ${response.status}`);
    return response.status;
  },
  { connection: new Redis(Number(redisPort), "127.0.0.1", { maxRetriesPerRequest: null }), concurrency: CONCURRENCY },
);

await worker.waitUntilReady();
process.send?.(0);
process.on("disconnect", () => process.exit());
