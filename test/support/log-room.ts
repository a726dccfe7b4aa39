import { expect } from "vitest";
import type { Gateway } from "./gateway.ts";

export interface TextAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One tenant's corner of a gateway, for sending it what should be refused and seeing that nothing came of it. */
export class LogRoom {
  readonly #gateway: Gateway;
  readonly tenant: string;

  constructor(gateway: Gateway, tenant: string) {
    this.#gateway = gateway;
    this.tenant = tenant;
  }

  /** Any request; `headers` may replace the key and the tenant. */
  async send(
    method: string,
    path: string,
    init: { readonly headers?: Readonly<Record<string, string>>; readonly body?: BodyInit } = {},
  ): Promise<TextAnswer> {
    const response = await fetch(`${this.#gateway.origin}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#gateway.rootKey}`, "sluice-tenant": this.tenant, ...init.headers },
      ...(init.body === undefined ? {} : { body: init.body, duplex: "half" }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  post(topic: string, body: BodyInit, headers: Readonly<Record<string, string>> = {}): Promise<TextAnswer> {
    const all = { "content-type": "application/json", ...headers };
    return this.send("POST", `/v1/topics/${topic}/events`, { headers: all, body });
  }

  /** The offset the next event of a topic will get; 0 where the topic does not exist. */
  async nextOffset(topic: string): Promise<number> {
    const answer = await this.send("GET", `/v1/topics/${topic}`);
    if (answer.status === 404) return 0;
    const { log } = JSON.parse(answer.text) as { log: readonly { nextOffset: number }[] };
    return log[0]?.nextOffset ?? Number.NaN;
  }

  /** The very text of `data` in the log, by offset. */
  async dataTexts(topic: string): Promise<string[]> {
    const client = this.#gateway.client(this.tenant);
    const events = (await client.logPages(topic)).flatMap((page) => page.split('{"id":"evt_').slice(1));
    return events.map((event) => {
      const start = event.indexOf('"data":') + '"data":'.length;
      const end = event.search(/\}(,|\],"next":(null|"[^"]*"),"firstOffset":\d+,"nextOffset":\d+\})$/);
      return event.slice(start, end);
    });
  }
}

/** API clause 2.2, and that it gives nothing away. */
export function expectProblem(answer: TextAnswer, ...statuses: readonly number[]): void {
  expect(statuses).toContain(answer.status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const document = JSON.parse(answer.text) as Record<string, unknown>;
  expect(document).toMatchObject({
    type: `/problems/${String(document.code)}`,
    code: expect.stringMatching(/^[a-z0-9-]+$/),
    title: expect.any(String),
    status: answer.status,
    detail: expect.stringMatching(/\S/),
    requestId: answer.headers.get("sluice-request-id"),
  });
  // A stack, a path of a source file, SQL.
  expect(answer.text).not.toMatch(/\n\s+at |\.(ts|js|mjs)\b|SQLITE|INSERT INTO|SELECT /);
}
