/** A media type (RFC 9110 section 8.3.1). */
export interface MediaType {
  /** `type/subtype`, in lower case. */
  readonly essence: string;
  /** In lower case, without quotes; null where there is none. */
  readonly charset: string | null;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"';
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|${QUOTED}))?)*)$`);
const CHARSET = /;[ \t]*charset=("?)([^";\s]*)\1/i;

/** null for what is no media type: what is one can also be sent as a header. Parameters may be any. */
export function parseMediaType(text: string): MediaType | null {
  const parts = MEDIA_TYPE.exec(text);
  if (parts === null) return null;
  const [, essence = "", parameters = ""] = parts;
  return { essence: essence.toLowerCase(), charset: CHARSET.exec(parameters)?.[2]?.toLowerCase() ?? null };
}

/** Whether text in this charset is UTF-8 all the same: none named, UTF-8, or a part of it. */
export const isUtf8 = ({ charset }: MediaType): boolean =>
  charset === null || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";

/** `json`, or any type with the suffix `+json` (RFC 6839), with or without parameters. */
export function isJsonContentType(contentType: string): boolean {
  const [mediaType = ""] = contentType.split(";", 1);
  return /^[^/]+\/(?:json|[^/]+\+json)$/i.test(mediaType.trim());
}
