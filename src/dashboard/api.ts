import type { Session } from "./session.ts";
import type { ProblemView } from "./types.ts";

/** A refusal of the API, or its silence. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: ProblemView;

  constructor(status: number, problem: ProblemView) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
  }
}

export type Query = Readonly<Record<string, string | number | null>>;

/** The HTTP API as the holder of a session. A call ends with the view that made it. */
export class Api {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  async get<T>(path: string, query: Query, signal: AbortSignal): Promise<T> {
    return parsed<T>(await this.getText(path, query, signal));
  }

  /** The answer as it came, for what must be shown as it was sent. */
  async getText(path: string, query: Query, signal: AbortSignal): Promise<string> {
    const members = Object.entries(query).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]));
    const search = members.length === 0 ? "" : `?${new URLSearchParams(members)}`;
    return await this.#send("GET", path + search, null, signal);
  }

  /** @param json a JSON text, sent as it is. */
  async post<T>(path: string, json: string | null, signal: AbortSignal): Promise<T> {
    return parsed<T>(await this.#send("POST", path, json, signal));
  }

  async #send(method: string, path: string, json: string | null, signal: AbortSignal): Promise<string> {
    const headers = new Headers({ authorization: `Bearer ${this.session.key}`, "sluice-tenant": this.session.tenant });
    if (json !== null) headers.set("content-type", "application/json");
    const response = await fetch(path, { method, headers, body: json, signal, cache: "no-store" }).catch(
      silence(signal),
    );
    const text = await response.text();
    if (!response.ok) throw new ApiError(response.status, problemOf(response.status, text));
    return text;
  }
}

// The page and the API come from the same gateway, so the answer has the shape the contract gives it.
const parsed = <T>(text: string): T => JSON.parse(text) as T;

const silence =
  (signal: AbortSignal) =>
  (thrown: unknown): never => {
    signal.throwIfAborted();
    if (thrown instanceof DOMException) throw thrown;
    throw new ApiError(0, {
      code: "unreachable",
      title: "The gateway does not answer",
      detail: "Is it still running?",
    });
  };

function problemOf(status: number, text: string): ProblemView {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "detail" in value) return value as ProblemView;
  } catch {
    // Not from the gateway itself, such as the page of a proxy.
  }
  return { code: "unknown", title: `Status ${status}`, detail: "The answer is not one of the gateway's." };
}
