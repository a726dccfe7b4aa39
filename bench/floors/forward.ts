const CONTENT_TYPE = { "content-type": "application/json" };

/** Forwards what it gets within the request: nothing is stored, nothing is tried again. */
async function forward(request: Request, to: string): Promise<Response> {
  const answer = await fetch(to, { method: "POST", headers: CONTENT_TYPE, body: await request.arrayBuffer() });
  await answer.arrayBuffer();
  return Response.json({ delivered: answer.ok }, { status: 202 });
}

/** The same request `count` times, `concurrency` at a time: what sending costs without signing, log or order. */
async function loop(
  to: string,
  { count, concurrency, body }: { count: number; concurrency: number; body: Uint8Array },
) {
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await fetch(to, { method: "POST", headers: CONTENT_TYPE, body });
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const to = searchParams.get("to") ?? "";
    const count = Number(searchParams.get("count") ?? "0");
    if (count === 0) return forward(request, to);
    const body = new Uint8Array(await request.arrayBuffer());
    await loop(to, { count, concurrency: Number(searchParams.get("concurrency")), body });
    return Response.json({ sent: count });
  },
} satisfies ExportedHandler;
