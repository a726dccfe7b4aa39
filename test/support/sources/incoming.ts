import { Content } from "../../../src/sources/content.ts";
import type { Incoming } from "../../../src/sources/provider.ts";

export const URL_OF_SOURCE = "https://gateway.example/in/token";

/** A request as providers see it. */
export function incomingOf({
  body = "",
  headers = {},
  contentType = "application/octet-stream",
  url = URL_OF_SOURCE,
}: {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly url?: string;
}): Incoming {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return { bytes, headers: new Headers(headers), content: new Content(bytes, contentType), url };
}
