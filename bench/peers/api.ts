// What a Node team builds instead, its front: Fastify takes an event and puts it into a BullMQ queue.
import { Queue } from "bullmq";
import Fastify from "fastify";
import { Redis } from "ioredis";

const [redisPort = "", url = ""] = process.argv.slice(2);
const queue = new Queue("deliveries", { connection: new Redis(Number(redisPort), "127.0.0.1") });
const app = Fastify();

app.post("/events", async (request, reply) => {
  const job = await queue.add(
    "deliver",
    { event: request.body, url },
    // Kept for a while, as a delivery log would be: failures are looked at, successes are counted.
    { attempts: 10, backoff: { type: "exponential", delay: 5000 }, removeOnComplete: 1000, removeOnFail: false },
  );
  return reply.code(202).send({ id: job.id });
});

await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
process.send?.(typeof address === "object" && address !== null ? address.port : 0);
process.on("disconnect", () => process.exit());
