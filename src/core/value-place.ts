/** Where in a request a value stands: a header (its name in lower case), or a place in the body (RFC 6901). */
export type ValuePlace = { readonly header: string } | { readonly path: readonly string[] };

const HEADER_PREFIX = "header:";
/** `token` of RFC 9110 section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What proves who somebody is has no place in an event. */
const SECRET_HEADERS = ["authorization", "cookie", "proxy-authorization", "x-gitlab-token"];

export const VALUE_PLACE_RULE =
  'must be "header:" and the name of a header that carries no secret, or a JSON Pointer (RFC 6901) such as /order/id';

export const isHeaderName = (name: string): boolean => HEADER_NAME.test(name);

/** `header:<name>` or a JSON Pointer; null for anything else. The empty pointer is the whole body. */
export function parseValuePlace(text: string): ValuePlace | null {
  if (text.startsWith(HEADER_PREFIX)) {
    const header = text.slice(HEADER_PREFIX.length).toLowerCase();
    return isHeaderName(header) && !SECRET_HEADERS.includes(header) ? { header } : null;
  }
  if (text === "") return { path: [] };
  // A tilde is only there to escape: ~0 is a tilde, ~1 a slash.
  if (!text.startsWith("/") || /~(?![01])/.test(text) || !text.isWellFormed()) return null;
  const steps = text.slice(1).split("/");
  return { path: steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")) };
}
