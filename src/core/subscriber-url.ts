import { type Problem, problem } from "./errors.ts";
import { URL_MAX_CHARACTERS } from "./limits.ts";
import { isPublicIpv4, isPublicIpv6, parseIpv4, parseIpv6 } from "./public-address.ts";
import { err, ok, type Result } from "./result.ts";

// White space, control characters, lone surrogates and backslashes: a URL parser drops or rewrites them, so that the
// text a person reads and the address that is called would differ.
const UNSAFE_CHARACTER = /[\s\p{Cc}\p{Cs}\\]/u;
/** Scheme, two slashes and an authority: what a URL parser would mend (`https:/x`, `https:///x`) is refused. */
const HTTP_URL = /^https?:\/\/([^/?#]+)/i;
/** Names that lead back to the gateway's own machine or network wherever they are looked up. */
const PRIVATE_NAME = /(^|\.)(localhost|local|internal)$/;

/**
 * Judges a URL that deliveries are to be sent to (API clause 5.8) and answers with it as given. Checked on every way
 * in and again before each send. The host is judged after `new URL`, which turns every spelling of an IPv4 address
 * (`0x7f.1`, `2130706433`, full-width digits) into four decimal parts. Names are not looked up here.
 *
 * @param allowPrivate accepts http and any host: for a gateway on a developer's machine.
 * @returns the text unchanged, or the problem `invalid-url`, which never repeats the URL (it may hold a token).
 */
export function checkSubscriberUrl(text: string, allowPrivate: boolean): Result<string, Problem> {
  const refusal = refusalOf(text, allowPrivate);
  return refusal === null ? ok(text) : err(invalidUrl(refusal));
}

const invalidUrl = (refusal: string): Problem =>
  problem("invalid-url", `The url ${refusal}.`, { errors: [{ pointer: "#/url", detail: refusal }] });

function refusalOf(text: string, allowPrivate: boolean): string | null {
  if (text.length > URL_MAX_CHARACTERS) return `must have ${URL_MAX_CHARACTERS} characters or fewer`;
  if (UNSAFE_CHARACTER.test(text)) return "must not contain white space, control characters or backslashes";
  const authority = HTTP_URL.exec(text)?.[1];
  if (authority === undefined)
    return "must begin with https:// (or http:// where private targets are allowed) and a host";
  if (authority.includes("@")) return "must not contain user information; put credentials into headers";
  if (text.includes("#")) return "must not have a fragment";
  if (!URL.canParse(text)) return "is not a valid URL";
  const url = new URL(text);
  if (allowPrivate) return null;
  if (url.protocol !== "https:") return "must use https";
  return refusalOfHost(url.hostname);
}

/** @param host as `URL.hostname` has it: lower case, ASCII, IPv6 in brackets. */
function refusalOfHost(host: string): string | null {
  if (host.startsWith("[")) {
    const groups = parseIpv6(host.slice(1, -1));
    return groups !== null && isPublicIpv6(groups) ? null : "must have a public address as its host";
  }
  const ipv4 = parseIpv4(host);
  if (ipv4 !== null) return isPublicIpv4(ipv4) ? null : "must have a public address as its host";
  const name = host.replace(/\.$/, "");
  if (name.split(".").includes("")) return "has a host name with an empty label";
  if (!name.includes(".")) return "must have a full host name; a single label is only known locally";
  if (PRIVATE_NAME.test(name)) return "must not have a host name of the local machine or network";
  return null;
}
