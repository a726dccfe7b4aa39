import { type IRequest, IttyRouter } from "itty-router";
import { problem } from "../core/errors.ts";
import { DEFAULT_TENANT } from "../core/names.ts";
import { err } from "../core/result.ts";
import { authenticate, authorize, tenantOf } from "./auth.ts";
import type { Answer, Call, Notes, Route } from "./call.ts";
import { Query } from "./query.ts";
import { routes } from "./routes.ts";
import type { Settings } from "./settings.ts";

/** A request before it is known where it leads, and what the log line will say of it. */
export interface Arrival {
  readonly request: Request;
  readonly env: Env;
  readonly settings: Settings;
  readonly requestId: string;
  readonly notes: Notes;
  readonly background: Call["background"];
}

const VERBS = { GET: "get", POST: "post", PUT: "put", PATCH: "patch", DELETE: "delete" } as const;

const router = IttyRouter<IRequest, [Arrival], Promise<Answer>>();
for (const route of routes) {
  router[VERBS[route.method]](route.path, (incoming: IRequest, arrival: Arrival) =>
    follow(route, incoming.params, arrival),
  );
}
for (const path of new Set(routes.map((route) => route.path))) {
  const allow = allowed(path);
  router.all(path, async (_incoming: IRequest, arrival: Arrival): Promise<Answer> => {
    arrival.notes.route = path;
    return err(problem("method-not-allowed", `This path takes ${allow.join(", ")}.`, { allow }));
  });
}

/** Finds the route of a request and follows it. A HEAD request is answered as GET is; its body is taken off later. */
export async function route(arrival: Arrival): Promise<Answer> {
  const { request } = arrival;
  // itty-router takes trailing slashes as if they were not there.
  if (TRAILING_SLASH.test(request.url)) return err(noSuchPath());
  const method = request.method === "HEAD" ? "GET" : request.method;
  const answer: Answer | undefined = await router.fetch({ method, url: request.url }, arrival);
  return answer ?? err(noSuchPath());
}

/** The key first, so that without one nothing can be learnt about what exists. */
async function follow(to: Route, params: Record<string, string>, arrival: Arrival): Promise<Answer> {
  const { request, env, settings, requestId, notes, background } = arrival;
  notes.route = to.path;
  let tenant = DEFAULT_TENANT;
  if (to.scope !== "public") {
    const principal = authenticate(request.headers.get("authorization"), settings.rootKey);
    if (!principal.ok) return principal;
    const authorized = authorize(principal.value, to.scope);
    if (!authorized.ok) return authorized;
    const chosen = tenantOf(principal.value, request.headers.get("sluice-tenant"));
    if (!chosen.ok) return chosen;
    tenant = chosen.value;
    notes.tenant = tenant;
  }
  const query = new Query(membersOf(request.url), to.query ?? []);
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);
  return to.handler({ request, env, settings, tenant, query, requestId, notes, background, params });
}

function allowed(path: string): string[] {
  const methods = routes.filter((route) => route.path === path).map((route) => route.method);
  return methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

const TRAILING_SLASH = /^[^?#]*\/(?:[?#]|$)/;
const NO_MEMBERS = new URLSearchParams();

/** Most requests have no query, and parsing a URL is dear. */
const membersOf = (url: string): URLSearchParams => (url.includes("?") ? new URL(url).searchParams : NO_MEMBERS);

const noSuchPath = () => problem("not-found", "There is no such path.");
