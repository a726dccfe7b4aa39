export interface BadPost {
  readonly body: string;
  readonly requestKey?: string;
  readonly contentType?: string;
}

/** Requests that must be refused, and append nothing of what they carry. */
export const BAD_POSTS: Readonly<Record<string, (data: string) => BadPost>> = {
  "malformed JSON": (data) => ({ body: `{"type":"order.created","data":${data}` }),
  "no type": (data) => ({ body: `{"data":${data}}` }),
  "type with a space": (data) => ({ body: `{"type":"order created","data":${data}}` }),
  "unknown member": (data) => ({ body: `{"type":"order.created","colour":"red","data":${data}}` }),
  "duplicate member": (data) => ({ body: `{"type":"order.created","type":"order.paid","data":${data}}` }),
  "one bad event of three": (data) => ({
    body: `[{"type":"order.created","data":${data}},{"data":1},{"type":"order.paid","data":2}]`,
  }),
  "the same key twice in a batch": (data) => ({
    body: `[{"type":"a","idempotencyKey":"twice","data":${data}},{"type":"b","idempotencyKey":"twice","data":2}]`,
  }),
  "both kinds of key": (data) => ({
    body: `{"type":"order.created","idempotencyKey":"inner","data":${data}}`,
    requestKey: "outer",
  }),
  "empty batch": () => ({ body: "[]" }),
  "another content type": (data) => ({ body: `{"type":"order.created","data":${data}}`, contentType: "text/plain" }),
  "lone surrogate in the key": (data) => ({ body: `{"type":"order.created","key":"\\ud800","data":${data}}` }),
  "too deep": (data) => ({
    body: `{"type":"order.created","data":${"[".repeat(600)}${data}${"]".repeat(600)}}`,
  }),
  "too large": (data) => ({ body: `{"type":"order.created","data":[${data},"${"x".repeat(1_100_000)}"]}` }),
};
