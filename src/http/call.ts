import type { Problem } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import type { Reply } from "./answer.ts";
import type { Scope } from "./auth.ts";
import type { Query } from "./query.ts";
import type { Settings } from "./settings.ts";

/** What the log line of a request will say, filled in on the way: one that is refused early has less to tell. */
export interface Notes {
  /** The pattern, never the path: it may hold anything. */
  route: string | null;
  tenant: string | null;
  /** The line of another unit of work tells of this request: a commit names the publishes in it. */
  loggedElsewhere: boolean;
}

/** A request that has been routed and whose key has been checked: what a handler works with. */
export interface Call {
  readonly request: Request;
  readonly env: Env;
  readonly settings: Settings;
  /** The tenant it is about; the default one on routes without a key. */
  readonly tenant: string;
  readonly query: Query;
  /** `sluice-request-id` of the answer. */
  readonly requestId: string;
  readonly notes: Notes;
  /** Work that goes on after the answer, for a moment. */
  readonly background: (work: Promise<unknown>) => void;
  /** Path parameters, still percent-encoded: see path.ts. */
  readonly params: Readonly<Record<string, string>>;
}

/** Where the gateway was reached. */
export const ownUrl = ({ request }: Pick<Call, "request">): URL => new URL(request.url);

/** What a route answers: a reply, or a problem that becomes one. */
export type Answer = Result<Reply, Problem>;

export type Handler = (call: Call) => Promise<Answer>;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  readonly method: Method;
  /** itty-router's pattern: `:name` is one path segment. */
  readonly path: string;
  /** What a key needs, or `public`: no key. */
  readonly scope: Scope | "public";
  /** The query members it has; any other is refused. */
  readonly query?: readonly string[];
  readonly handler: Handler;
}
