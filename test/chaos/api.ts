import { type Journal, now } from "./journal.ts";

export interface Said {
  readonly asked: number;
  /** When the answer was complete, or when the hope for it was given up. */
  readonly done: number;
  /** null: there was no answer. */
  readonly status: number | null;
  readonly text: string;
}

/** A gateway that lives answers sooner; one that was killed breaks the connection. */
const ANSWER_MAX_MS = 30_000;

/** The HTTP API as one tenant sees it. Never rejects; every answer goes into the journal. */
export class Api {
  readonly tenant: string;
  readonly #origin: string;
  readonly #key: string;
  readonly #journal: Journal;

  constructor(at: { origin: string; key: string }, tenant: string, journal: Journal) {
    this.tenant = tenant;
    this.#origin = at.origin;
    this.#key = at.key;
    this.#journal = journal;
  }

  headers(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { authorization: `Bearer ${this.#key}`, "sluice-tenant": this.tenant, ...more };
  }

  send(
    method: string,
    path: string,
    body: unknown = undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Said> {
    return this.#journal.underWay.during(`${method} ${path}`, () => this.#send(method, path, body, headers));
  }

  async #send(method: string, path: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Said> {
    const asked = now();
    try {
      const answer = await fetch(`${this.#origin}${path}`, {
        method,
        headers: this.headers({ ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers }),
        body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MAX_MS),
      });
      const text = await answer.text();
      const done = now();
      const seen = `${[...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n${text}`;
      this.note(method, path, { status: answer.status, text: seen, asked, answered: done });
      return { asked, done, status: answer.status, text };
    } catch {
      return { asked, done: now(), status: null, text: "" };
    }
  }

  note(method: string, path: string, seen: { status: number; text: string; asked: number; answered: number }): void {
    this.#journal.exchanges.push({ tenant: this.tenant, method, path, ...seen });
  }

  /** All entries of a list; throws where a page cannot be read. */
  async list<T>(path: string): Promise<T[]> {
    const entries: T[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const join: string = path.includes("?") ? "&" : "?";
      const query: string = `${join}limit=200${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: { data: T[]; next: string | null } = JSON.parse((await this.get(`${path}${query}`)).text);
      entries.push(...page.data);
      cursor = page.next;
    }
    return entries;
  }

  /** A GET that has to succeed: the gateway is up and nobody kills it. */
  async get(path: string): Promise<Said> {
    const said = await this.send("GET", path);
    if (said.status !== 200) throw new Error(`GET ${path}: ${said.status} ${said.text.slice(0, 500)}`);
    return said;
  }
}

export const succeeded = ({ status }: Pick<Said, "status">): boolean =>
  status !== null && status >= 200 && status < 300;

/** Whether nobody knows if it was done: no answer, or one that says the server was in trouble. */
export const isUnknown = ({ status }: Pick<Said, "status">): boolean => status === null || status >= 500;
