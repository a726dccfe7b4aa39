import type { DeliveryState } from "../../src/subscription/rpc.ts";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly next: string | null;
}

export interface Published {
  readonly id: string;
  readonly offset: number;
  readonly duplicate: boolean;
}

export interface SubscriptionAnswer {
  readonly id: string;
  readonly name: string;
  readonly secret: string;
  readonly state: "active" | "paused" | "disabled";
  readonly disabledReason: string | null;
  readonly lag: number;
  readonly health: { readonly state: "healthy" | "failing"; readonly consecutiveFailures: number };
}

export interface AttemptAnswer {
  readonly id: string;
  readonly number: number;
  readonly trigger: string;
  readonly startedAt: string;
  readonly durationMilliseconds: number | null;
  readonly outcome: "success" | "failure" | "interrupted" | null;
  readonly statusCode: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyBytes: number;
  };
  readonly response: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly truncated: boolean;
  } | null;
}

export interface DeliveryAnswer<Attempts = number> {
  readonly eventId: string;
  readonly offset: number;
  readonly state: DeliveryState;
  readonly attempts: Attempts;
  readonly nextAttemptAt: string | null;
}

export interface DeadLetterAnswer {
  readonly eventId: string;
  readonly topic: string;
  readonly subscription: string;
  readonly url: string;
  readonly reason: string;
  readonly attempts: number;
  readonly deadAt: string;
}

/** The gateway's HTTP API as a tenant's user sees it. `text` bodies go out as they are; others as JSON. */
export class Client {
  readonly #origin: string;
  readonly #key: string;
  readonly #tenant: string;

  constructor(origin: string, key: string, tenant: string) {
    this.#origin = origin;
    this.#key = key;
    this.#tenant = tenant;
  }

  /** One request, whatever it answers. Rejects only when there is no answer. */
  async request<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.#origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        "sluice-tenant": this.#tenant,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  }

  /** As `request`, for a request that must succeed. */
  async ok<T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T> {
    const answer = await this.request<T>(method, path, body, headers);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** `event`: a document, or the very text to send. */
  publish(topic: string, event: unknown, headers?: Readonly<Record<string, string>>): Promise<Published> {
    return this.ok("POST", `/v1/topics/${topic}/events`, event, headers);
  }

  subscribe(document: Readonly<Record<string, unknown>>): Promise<SubscriptionAnswer> {
    return this.ok("POST", "/v1/subscriptions", document);
  }

  subscription(id: string): Promise<SubscriptionAnswer> {
    return this.ok("GET", `/v1/subscriptions/${id}`);
  }

  deliveries(subscription: string, query = ""): Promise<Page<DeliveryAnswer>> {
    return this.ok("GET", `/v1/subscriptions/${subscription}/deliveries${query}`);
  }

  delivery(subscription: string, eventId: string): Promise<DeliveryAnswer<readonly AttemptAnswer[]>> {
    return this.ok("GET", `/v1/subscriptions/${subscription}/deliveries/${eventId}`);
  }

  deadLetters(query = ""): Promise<Page<DeadLetterAnswer>> {
    return this.ok("GET", `/v1/dead-letters${query}`);
  }

  /** The whole log of a topic, as the raw text of each page, in order. */
  async logPages(topic: string): Promise<string[]> {
    const pages: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query: string = cursor === "" ? "?limit=200" : `?limit=200&cursor=${encodeURIComponent(cursor)}`;
      const response = await fetch(`${this.#origin}/v1/topics/${topic}/events${query}`, {
        headers: { authorization: `Bearer ${this.#key}`, "sluice-tenant": this.#tenant },
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the log of ${topic}: ${response.status} ${text}`);
      pages.push(text);
      cursor = (JSON.parse(text) as Page<unknown>).next;
    }
    return pages;
  }
}
