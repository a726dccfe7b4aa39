import { DurableObject } from "cloudflare:workers";

interface NothingEnv {
  readonly NOTHING: DurableObjectNamespace<Nothing>;
}

/** What a request to an object costs before it does anything. */
export class Nothing extends DurableObject<NothingEnv> {
  #offset = 0;

  append(body: string): number {
    this.#offset += Math.sign(body.length);
    return this.#offset;
  }
}

export default {
  async fetch(request, env) {
    const offset = await env.NOTHING.getByName("orders").append(await request.text());
    return Response.json({ offset }, { status: 202 });
  },
} satisfies ExportedHandler<NothingEnv>;
