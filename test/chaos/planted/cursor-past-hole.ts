/** The gateway with a planted bug: the cursor is stored, the holes below it are not. */
import { Subscription as Honest } from "../../../src/worker.ts";
import { withoutStatements } from "./without-statements.ts";

export { Deliverer, Directory, default, TopicLog } from "../../../src/worker.ts";

export class Subscription extends Honest {
  constructor(ctx: DurableObjectState, env: Env) {
    withoutStatements(ctx.storage, /^INSERT OR REPLACE INTO holes/);
    super(ctx, env);
  }
}
