import { h } from "../dom.ts";
import { badge, code, foreign, longText, moment, pairs } from "../parts.ts";
import { formatBytes, formatDuration } from "../text.ts";
import type { AttemptView } from "../types.ts";

/** The attempts of a delivery, newest first, each with what was sent and what came back. */
export function attemptList(attempts: readonly AttemptView[]): HTMLElement {
  if (attempts.length === 0) return h("p", { class: "empty" }, "Not tried yet.");
  return h("div", { class: "attempts" }, ...attempts.toReversed().map(attempt));
}

function attempt(one: AttemptView): HTMLElement {
  return h(
    "details",
    { class: "attempt" },
    h(
      "summary",
      {},
      h("span", { class: "strong" }, `#${one.number}`),
      badge(one.outcome ?? "delivering"),
      one.statusCode === null ? null : h("span", { class: "status" }, String(one.statusCode)),
      h("span", { class: "faint" }, one.trigger),
      moment(one.startedAt),
      one.durationMilliseconds === null
        ? null
        : h("span", { class: "faint" }, formatDuration(one.durationMilliseconds)),
      one.error === null ? null : h("bdi", { class: "error" }, one.error.message),
    ),
    h("div", { class: "columns" }, request(one), response(one)),
  );
}

const request = ({ id, request: sent }: AttemptView): HTMLElement =>
  h(
    "section",
    {},
    h("h3", {}, "Request"),
    pairs([
      ["attempt", code(id)],
      ["url", foreign(sent.url)],
      ["body", formatBytes(sent.bodyBytes)],
    ]),
    headers(sent.headers),
  );

function response({ response: received, error }: AttemptView): HTMLElement {
  if (received === null)
    return h(
      "section",
      {},
      h("h3", {}, "Response"),
      h(
        "p",
        { class: "faint" },
        error === null ? "None yet." : "None.",
        error === null ? null : foreign(` ${error.message}`),
      ),
    );
  return h(
    "section",
    {},
    h("h3", {}, "Response"),
    headers(received.headers),
    received.body === "" ? h("p", { class: "faint" }, "No body.") : longText(received.body),
    received.truncated ? h("p", { class: "faint" }, "Only the beginning of the body was kept.") : null,
  );
}

const headers = (all: Readonly<Record<string, string>>): HTMLElement =>
  pairs(Object.entries(all).map(([name, value]) => [name, foreign(value)] as const));
