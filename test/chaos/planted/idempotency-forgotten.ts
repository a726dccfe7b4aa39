/** The gateway with a planted bug: a repeated idempotency key is a new event. */
import { TopicLog as Honest } from "../../../src/worker.ts";
import { withoutStatements } from "./without-statements.ts";

export { Deliverer, Directory, default, Subscription } from "../../../src/worker.ts";

export class TopicLog extends Honest {
  constructor(ctx: DurableObjectState, env: Env) {
    withoutStatements(ctx.storage, /^INSERT OR REPLACE INTO idempotency_/);
    super(ctx, env);
  }
}
