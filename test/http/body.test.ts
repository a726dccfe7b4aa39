import { describe, expect, test } from "vitest";
import { REQUEST_BODY_MAX_BYTES, REQUEST_DRAIN_MAX_BYTES } from "../../src/core/limits.ts";
import { JSON_TYPES, readBody, readOptionalJson, refusedMediaType } from "../../src/http/body.ts";

const MIB = 1024 * 1024;

const post = (headers: Record<string, string>, body: BodyInit | null = "{}") =>
  new Request("http://gateway.example/", {
    method: "POST",
    headers,
    body,
    ...(body === null ? {} : { duplex: "half" }),
  });

/** A body of so many bytes in pieces of 1 MiB that says how much of it was taken. */
function streamOf(bytes: number) {
  let left = bytes;
  const state = { taken: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = Math.min(left, MIB);
        left -= piece;
        state.taken += piece;
        if (piece > 0) controller.enqueue(new Uint8Array(piece));
        else controller.close();
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, state };
}

describe("the content type", () => {
  test.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json ; charset="utf-8" ',
  ])("%j is accepted", (type) => {
    expect(refusedMediaType(post({ "content-type": type }), JSON_TYPES)).toBeNull();
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; version=1",
    "application/json;",
    "application/json, application/json",
    "application/jsonx",
    "application/cloudevents+json",
    "json",
    "",
  ])("%j is refused, naming what is accepted", (type) => {
    expect(refusedMediaType(post({ "content-type": type }), JSON_TYPES)).toMatchObject({
      code: "unsupported-media-type",
      detail: expect.stringContaining("application/json"),
    });
  });

  test("a Content-Encoding is refused, but for identity", () => {
    const encoded = (encoding: string) => post({ "content-type": "application/json", "content-encoding": encoding });
    expect(refusedMediaType(encoded("gzip"), JSON_TYPES)?.code).toBe("unsupported-media-type");
    expect(refusedMediaType(encoded("identity, gzip"), JSON_TYPES)?.code).toBe("unsupported-media-type");
    expect(refusedMediaType(encoded("Identity"), JSON_TYPES)).toBeNull();
  });

  test("without body and content type, the body is what is missing", () => {
    expect(refusedMediaType(post({}, null), JSON_TYPES)?.code).toBe("malformed-request");
    expect(refusedMediaType(post({}, new Uint8Array([123, 125])), JSON_TYPES)?.code).toBe("unsupported-media-type");
  });
});

describe("reading a body", () => {
  test("of exactly the limit", async () => {
    const body = await readBody(post({}, streamOf(REQUEST_BODY_MAX_BYTES).stream));
    expect(body.ok && body.value.byteLength).toBe(REQUEST_BODY_MAX_BYTES);
  });

  test("is refused at once when its header says it is too large", async () => {
    const { stream, state } = streamOf(REQUEST_BODY_MAX_BYTES + 1);
    const body = await readBody(post({ "content-length": String(REQUEST_BODY_MAX_BYTES + 1) }, stream));
    expect(body).toMatchObject({ ok: false, error: { code: "too-large", detail: expect.stringContaining("4194304") } });
    expect(state).toEqual({ taken: 0, cancelled: false });
  });

  test.each([{}, { "content-length": "10" }])("is refused while it streams, read to its end: %j", async (headers) => {
    const { stream, state } = streamOf(REQUEST_BODY_MAX_BYTES + 10 * MIB);
    const body = await readBody(post(headers, stream));
    expect(body).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(state).toEqual({ taken: REQUEST_BODY_MAX_BYTES + 10 * MIB, cancelled: false });
  });

  test("is given up when it does not end", async () => {
    const { stream, state } = streamOf(Number.MAX_SAFE_INTEGER);
    expect(await readBody(post({}, stream))).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(state).toEqual({ taken: REQUEST_DRAIN_MAX_BYTES + MIB, cancelled: true });
  });

  test("is refused when it breaks off", async () => {
    let pieces = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces++ === 0) controller.enqueue(new Uint8Array(3));
        else controller.error(new Error("connection lost"));
      },
    });
    expect(await readBody(post({}, broken))).toMatchObject({ ok: false, error: { code: "malformed-request" } });
  });
});

describe("an optional document", () => {
  test("is {} when the body is empty, whatever its type", async () => {
    expect(await readOptionalJson(post({}, null))).toEqual({ ok: true, value: {} });
    expect(await readOptionalJson(post({ "content-type": "text/plain" }, ""))).toEqual({ ok: true, value: {} });
  });

  test("is read as any other when there is one", async () => {
    expect(await readOptionalJson(post({ "content-type": "application/json" }, '{"a":1}'))).toEqual({
      ok: true,
      value: { a: 1 },
    });
    const refused = await readOptionalJson(post({ "content-type": "text/plain" }, "{}"));
    expect(refused).toMatchObject({ ok: false, error: { code: "unsupported-media-type" } });
  });
});
