import { consumeDeadLetters } from "./dead-letters/consumer.ts";
import { consumeRetries } from "./delivery/retry-consumer.ts";
import { handleRequest } from "./http/handle.ts";

export { Deliverer } from "./delivery/deliverer.ts";
export { Directory } from "./directory/object.ts";
export { Subscription } from "./subscription/object.ts";
export { TopicLog } from "./topic-log/object.ts";

const RETRIES = "sluice-retries";

/** The entry: where requests and queue messages go. Whatever is not a file of the dashboard comes here. */
export default {
  fetch: (request, env, ctx) => handleRequest(request, env, ctx),
  queue: (batch, env) => (batch.queue === RETRIES ? consumeRetries(batch, env) : consumeDeadLetters(batch, env)),
} satisfies ExportedHandler<Env>;
