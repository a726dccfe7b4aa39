import { DurableObject } from "cloudflare:workers";

interface BareEnv {
  readonly BARE: DurableObjectNamespace<Bare>;
}

/** The least that is durable: a row for each event, and its offset as the answer. */
export class Bare extends DurableObject<BareEnv> {
  constructor(ctx: DurableObjectState, env: BareEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  append(body: string): number {
    return Number(this.ctx.storage.sql.exec("INSERT INTO events (body) VALUES (?) RETURNING id", body).one().id);
  }

  /** One transaction: the runtime commits what a turn has written at once. */
  appendAll(body: string): number[] {
    const events: unknown[] = JSON.parse(body);
    return events.map((event) => this.append(JSON.stringify(event)));
  }
}

export default {
  async fetch(request, env) {
    const body = await request.text();
    const object = env.BARE.getByName("orders");
    const offset = request.url.endsWith("/batch") ? await object.appendAll(body) : await object.append(body);
    return Response.json({ offset }, { status: 202 });
  },
} satisfies ExportedHandler<BareEnv>;
