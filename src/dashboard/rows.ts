import { type Child, fill, h } from "./dom.ts";

export interface Column<T> {
  readonly title: string;
  /** `number` aligns to the right, `wide` takes what is left. */
  readonly kind?: "number" | "wide" | "tight";
  readonly cell: (item: T) => Child;
}

interface Row<T> {
  item: T;
  shown: string;
  readonly element: HTMLTableRowElement;
  detail: { readonly element: HTMLTableRowElement; readonly cell: HTMLTableCellElement } | null;
}

interface Options<T> {
  readonly columns: readonly Column<T>[];
  /** What a row keeps over changes of its item. */
  readonly key: (item: T) => string;
  /** What opens below a row that is clicked; asked for again whenever the item has changed. */
  readonly detail?: (item: T) => Promise<Child>;
  readonly empty: string;
}

/**
 * A table that follows a list: rows are matched by key and touched only where something has changed, so that what is
 * open, selected or focused stays so while the list is polled.
 */
export class Rows<T> {
  readonly element: HTMLElement;
  readonly #options: Options<T>;
  readonly #body = h("tbody");
  readonly #empty: HTMLElement;
  #rows = new Map<string, Row<T>>();

  constructor(options: Options<T>) {
    this.#options = options;
    const titles = options.columns.map((column) => h("th", { class: column.kind ?? "" }, column.title));
    this.#empty = h("p", { class: "empty" }, options.empty);
    this.#empty.hidden = true;
    const table = h("table", {}, h("thead", {}, h("tr", {}, ...titles)), this.#body);
    this.element = h("div", { class: "table" }, table, this.#empty);
  }

  /** Shows exactly these items, in this order. */
  show(items: readonly T[]): void {
    const before = this.#rows;
    this.#rows = new Map();
    for (const item of items) {
      const key = this.#options.key(item);
      const row = before.get(key) ?? this.#newRow(item);
      before.delete(key);
      this.#rows.set(key, row);
      this.#update(row, item);
    }
    for (const gone of before.values()) {
      gone.element.remove();
      gone.detail?.element.remove();
    }
    this.#order();
    this.#empty.hidden = items.length > 0;
  }

  /** Puts the rows into their order, moving only those that are not in it. */
  #order(): void {
    let next: Element | null = this.#body.firstElementChild;
    for (const { element, detail } of this.#rows.values())
      for (const one of detail === null ? [element] : [element, detail.element]) {
        if (one === next) next = next.nextElementSibling;
        else this.#body.insertBefore(one, next);
      }
  }

  #newRow(item: T): Row<T> {
    const row: Row<T> = { item, shown: "", element: h("tr"), detail: null };
    if (this.#options.detail !== undefined) {
      row.element.classList.add("opens");
      row.element.addEventListener("click", (event) => {
        const target = event.target;
        if (target instanceof Element && target.closest("a, button:not(.toggle)") !== null) return;
        this.#toggle(row);
      });
    }
    return row;
  }

  #update(row: Row<T>, item: T): void {
    const shown = JSON.stringify(item);
    if (row.shown === shown) return;
    row.item = item;
    row.shown = shown;
    this.#draw(row);
    if (row.detail !== null) void this.#load(row, row.detail.cell);
  }

  #draw(row: Row<T>): void {
    const cells = this.#options.columns.map((column, at) =>
      h("td", { class: column.kind ?? "" }, at === 0 ? this.#opener(row) : null, column.cell(row.item)),
    );
    fill(row.element, ...cells);
  }

  /** The way to open a row without a mouse. */
  #opener(row: Row<T>): HTMLElement | null {
    if (this.#options.detail === undefined) return null;
    return h("button", { class: "toggle", type: "button", label: "Details", expanded: row.detail !== null });
  }

  #toggle(row: Row<T>): void {
    if (row.detail !== null) {
      row.detail.element.remove();
      row.detail = null;
    } else {
      const cell = h("td", { colspan: String(this.#options.columns.length) }, h("p", { class: "empty" }, "Loading…"));
      const element = h("tr", { class: "detail" }, cell);
      row.detail = { element, cell };
      row.element.after(element);
      void this.#load(row, cell);
    }
    row.element.querySelector(".toggle")?.setAttribute("aria-expanded", String(row.detail !== null));
  }

  async #load(row: Row<T>, cell: HTMLTableCellElement): Promise<void> {
    const asked = row.shown;
    const content = await this.#options.detail?.(row.item);
    // An answer about what the item was before is of no use any more.
    if (content !== undefined && row.shown === asked) fill(cell, content);
  }
}
