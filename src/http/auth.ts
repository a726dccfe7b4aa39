import { constantTimeEqual } from "../core/constant-time.ts";
import { type Problem, problem } from "../core/errors.ts";
import { DEFAULT_TENANT, parseTenant } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";

export type Scope = "read" | "publish" | "manage" | "admin";

/** Whom a key stands for. */
export interface Principal {
  /** The one tenant of the key, or null: the key is for all, and the request chooses. */
  readonly tenant: string | null;
  readonly scopes: readonly Scope[];
}

// RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1). A second Authorization header arrives
// joined by a comma and a space, which no key contains.
const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

const IMPLIED: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ["read"],
  publish: ["publish"],
  manage: ["manage", "read"],
  admin: ["admin", "manage", "publish", "read"],
};

/** The holder of the key in an Authorization header, or `unauthenticated` (401) without telling what is wrong with it. */
export function authenticate(authorization: string | null, rootKey: string): Result<Principal, Problem> {
  const key = BEARER.exec(authorization ?? "")?.[1];
  if (key !== undefined && constantTimeEqual(key, rootKey)) return ok({ tenant: null, scopes: ["admin"] });
  return err(problem("unauthenticated", "Send a valid key in the header Authorization, as 'Bearer <key>'."));
}

/** `forbidden` (403), naming the scope, where none of the key's scopes is or implies the needed one. */
export function authorize(principal: Principal, needed: Scope): Result<null, Problem> {
  return principal.scopes.some((scope) => IMPLIED[scope].includes(needed))
    ? ok(null)
    : err(problem("forbidden", `This key lacks the scope '${needed}'.`));
}

/** The tenant a request is about: the key's own, else the one in the header `Sluice-Tenant`, else the default. */
export function tenantOf(principal: Principal, header: string | null): Result<string, Problem> {
  if (principal.tenant !== null) return ok(principal.tenant);
  if (header === null) return ok(DEFAULT_TENANT);
  const tenant = parseTenant(header);
  if (tenant.ok) return tenant;
  return err(problem("invalid", `The header Sluice-Tenant is malformed. ${tenant.error.detail}`));
}
