import type { Api } from "./api.ts";

/** One page of the application, as long as it is shown. */
export interface View {
  readonly api: Api;
  /** Where it draws itself. */
  readonly main: HTMLElement;
  /** Ends with the view: everything it asks for and repeats hangs on it. */
  readonly signal: AbortSignal;
  /** Tells that the page could not be brought up to date; signs out where the key is no longer good. */
  readonly failed: (thrown: unknown) => void;
  /** Takes back what failed() told. */
  readonly succeeded: () => void;
  /** Does what somebody asked for. A refusal stays to be read until the next action. */
  readonly act: (action: () => Promise<void>) => Promise<void>;
}

export type Route =
  | { readonly page: "log"; readonly topic: string | null }
  | { readonly page: "subscriptions" }
  | { readonly page: "subscription"; readonly id: string }
  | { readonly page: "delivery"; readonly id: string; readonly event: string }
  | { readonly page: "dead-letters" };

/** The page an address means; the log for what is none. */
export function parseRoute(hash: string): Route {
  const [page = "", first, second] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (page === "subscriptions" && first !== undefined && second !== undefined)
    return { page: "delivery", id: first, event: second };
  if (page === "subscriptions") return first === undefined ? { page } : { page: "subscription", id: first };
  if (page === "dead-letters") return { page };
  return { page: "log", topic: page === "topics" ? (first ?? null) : null };
}

export const linkTo = (...parts: readonly string[]): `#/${string}` => `#/${parts.map(encodeURIComponent).join("/")}`;

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
