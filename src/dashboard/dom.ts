import { visible } from "./text.ts";

export type Child = Node | string | null;

interface Properties {
  readonly class?: string;
  readonly title?: string;
  readonly id?: string;
  readonly type?: string;
  readonly name?: string;
  readonly placeholder?: string;
  readonly autocomplete?: string;
  /** Links inside the page only: an address from outside is shown, never followed. */
  readonly href?: `#/${string}`;
  readonly rows?: string;
  readonly colspan?: string;
  readonly value?: string;
  readonly label?: string;
  readonly spellcheck?: "false";
  readonly required?: boolean;
  readonly expanded?: boolean;
  readonly onClick?: () => void;
  readonly onChange?: () => void;
  readonly onSubmit?: () => void;
}

const ATTRIBUTES = [
  "class",
  "title",
  "id",
  "type",
  "name",
  "placeholder",
  "autocomplete",
  "href",
  "rows",
  "colspan",
  "value",
  "spellcheck",
] as const;

/**
 * Makes an element. Strings become text nodes with deceptive characters made visible: whatever a payload holds, it is
 * text here. There is no way to hand over markup.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const name of ATTRIBUTES) {
    const value = properties[name];
    if (value !== undefined) element.setAttribute(name, value);
  }
  if (properties.title !== undefined) element.title = visible(properties.title);
  if (properties.label !== undefined) element.setAttribute("aria-label", properties.label);
  if (properties.expanded !== undefined) element.setAttribute("aria-expanded", String(properties.expanded));
  if (properties.required === true) element.setAttribute("required", "");
  if (properties.onClick !== undefined) element.addEventListener("click", properties.onClick);
  if (properties.onChange !== undefined) element.addEventListener("change", properties.onChange);
  if (properties.onSubmit !== undefined) listenToSubmit(element, properties.onSubmit);
  element.append(...nodes(children));
  return element;
}

/** Replaces what is in an element. */
export const fill = (element: Element, ...children: readonly Child[]): void =>
  element.replaceChildren(...nodes(children));

/** A form is never sent by the browser itself: the page's policy forbids it. */
function listenToSubmit(element: HTMLElement, onSubmit: () => void): void {
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    onSubmit();
  });
}

const nodes = (children: readonly Child[]): Node[] =>
  children.flatMap((child) => {
    if (child === null) return [];
    return typeof child === "string" ? [document.createTextNode(visible(child))] : [child];
  });
