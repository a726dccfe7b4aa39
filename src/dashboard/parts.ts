import { ApiError } from "./api.ts";
import { type Child, fill, h } from "./dom.ts";
import { formatBytes, formatTime, shortened, visible } from "./text.ts";
import type { AttemptSummary } from "./types.ts";

/** Shown of a long text before somebody asks for all of it: a megabyte in a page makes it crawl. */
const CUT_CHARACTERS = 4000;

const TONES: Readonly<Record<string, "good" | "bad" | "warn" | "busy" | "quiet">> = {
  active: "good",
  healthy: "good",
  delivered: "good",
  success: "good",
  paused: "warn",
  retrying: "warn",
  held: "warn",
  interrupted: "warn",
  disabled: "bad",
  failing: "bad",
  dead: "bad",
  failure: "bad",
  exhausted: "bad",
  aborted: "bad",
  expired: "bad",
  delivering: "busy",
  pending: "quiet",
  cancelled: "quiet",
};

/** A state as a coloured word; the word alone says everything. */
export const badge = (state: string): HTMLElement => h("span", { class: `badge ${TONES[state] ?? "quiet"}` }, state);

/** A point in time, with the whole of it to hover over. */
export function moment(time: string | null): Child {
  if (time === null) return h("span", { class: "faint" }, "–");
  return h("time", { title: time }, formatTime(time, new Date()));
}

/** A text from outside, kept from reordering what stands around it. */
export const foreign = (text: string): HTMLElement => h("bdi", {}, text);

export const code = (text: string): HTMLElement => h("code", {}, text);

/** An id: its beginning and end, whole to hover over and to copy. */
export const shortId = (id: string): HTMLElement =>
  h("code", { title: id }, id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id);

/** A text of any length: its beginning, and a button that shows all of it. */
export function longText(text: string): HTMLElement {
  const block = h("pre", {}, shortened(text, CUT_CHARACTERS));
  if (text.length <= CUT_CHARACTERS) return block;
  const more = h("button", { type: "button", class: "link" }, `Show all (${formatBytes(new Blob([text]).size)})`);
  more.addEventListener("click", () => {
    block.textContent = visible(text);
    more.remove();
  });
  return h("div", {}, block, more);
}

/** Names and values, such as headers. */
export function pairs(entries: readonly (readonly [string, Child])[]): HTMLElement {
  const list = h("dl", {});
  for (const [name, value] of entries) list.append(h("dt", {}, name), h("dd", {}, value));
  return list;
}

/** What came of an attempt, in a few words. */
export function attemptResult(attempt: Pick<AttemptSummary, "statusCode" | "error"> | null): Child {
  if (attempt === null) return h("span", { class: "faint" }, "–");
  const status = attempt.statusCode === null ? null : String(attempt.statusCode);
  const error = attempt.error === null || attempt.error.code === "status" ? null : attempt.error.code;
  const words = [status, error].filter((word) => word !== null);
  return h("span", { title: attempt.error?.message ?? "" }, words.length === 0 ? "–" : words.join(" · "));
}

/** A place for trouble: empty until told, and again after the next success. */
export class Notice {
  readonly element = h("div", { class: "notice" });

  constructor() {
    this.element.hidden = true;
    this.element.setAttribute("role", "alert");
  }

  show(thrown: unknown): void {
    this.element.hidden = false;
    if (!(thrown instanceof ApiError)) {
      fill(this.element, h("strong", {}, "Something went wrong in this page."));
      return;
    }
    const { title, detail, errors = [] } = thrown.problem;
    const items = errors.map((one) => h("li", {}, code(one.pointer), " ", foreign(one.detail)));
    fill(
      this.element,
      h("strong", {}, foreign(title)),
      " ",
      foreign(detail),
      items.length > 1 ? h("ul", {}, ...items) : null,
    );
  }

  clear(): void {
    this.element.hidden = true;
    fill(this.element);
  }
}
