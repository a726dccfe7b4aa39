const KEY = "sluice.key";
const TENANT = "sluice.tenant";
const DEFAULT_TENANT = "default";

export interface Session {
  readonly key: string;
  readonly tenant: string;
}

/** The session of this tab; null = nobody is signed in. */
export function currentSession(): Session | null {
  const key = sessionStorage.getItem(KEY);
  return key === null ? null : { key, tenant: sessionStorage.getItem(TENANT) ?? DEFAULT_TENANT };
}

export function signIn(session: Session): void {
  sessionStorage.setItem(KEY, session.key);
  sessionStorage.setItem(TENANT, session.tenant === "" ? DEFAULT_TENANT : session.tenant);
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(TENANT);
}

/**
 * Signs in with `#key=...&tenant=...` and takes the key out of the address at once, history included: addresses get
 * bookmarked, shared and shown on screens.
 */
export function takeSessionFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const key = given.get("key");
  if (key === null) return;
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  signIn({ key, tenant: given.get("tenant") ?? DEFAULT_TENANT });
}
