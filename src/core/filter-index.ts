import type { Filter, FilterInput } from "./filter.ts";
import { type Probe, probesOf } from "./filter-probe.ts";
import { ProbeTree } from "./probe-tree.ts";

/** Takes an item out of where it was put. */
type Undo = () => void;

/**
 * Finds those of many filters that an event could match, without running the others: by the event's type, then by
 * something each filter needs to find in the event. A filter of which nothing is known is always found.
 */
export class FilterIndex<T> {
  /** By type patterns: each has the filters with that pattern. */
  readonly #exact = new Map<string, ProbeTree<T>>();
  readonly #beginnings = new Map<string, ProbeTree<T>>();
  readonly #anyType = new ProbeTree<T>();
  readonly #undo = new Map<T, readonly Undo[]>();

  /** Puts an item in, or in another place when it was there with another filter. */
  put(item: T, filter: Filter): void {
    this.delete(item);
    const probes = probesOf(filter);
    this.#undo.set(
      item,
      treesOf(filter.types).map(([place, pattern]) => this.#insert(item, place, pattern, probes)),
    );
  }

  delete(item: T): void {
    for (const undo of this.#undo.get(item) ?? []) undo();
    this.#undo.delete(item);
  }

  clear(): void {
    for (const item of [...this.#undo.keys()]) this.delete(item);
  }

  /** Every item whose filter matches the event is among them; most of the others are not. */
  candidates(event: FilterInput): ReadonlySet<T> {
    const found = new Set<T>();
    this.#anyType.find(event, found);
    this.#exact.get(event.type)?.find(event, found);
    if (this.#beginnings.size === 0) return found;
    for (let dot = event.type.indexOf("."); dot !== -1; dot = event.type.indexOf(".", dot + 1)) {
      this.#beginnings.get(event.type.slice(0, dot + 1))?.find(event, found);
    }
    return found;
  }

  #insert(item: T, place: Place, pattern: string, probes: readonly Probe[] | null): Undo {
    if (place === "any") return this.#anyType.insert(item, probes);
    const trees = place === "exact" ? this.#exact : this.#beginnings;
    const tree = trees.get(pattern) ?? new ProbeTree<T>();
    trees.set(pattern, tree);
    const undo = tree.insert(item, probes);
    return () => {
      undo();
      if (tree.size === 0) trees.delete(pattern);
    };
  }
}

type Place = "any" | "exact" | "beginning";

/** Where a filter with these type patterns belongs; each place once. */
function treesOf(types: readonly string[]): readonly (readonly [Place, string])[] {
  if (types.length === 0 || types.includes("*")) return [["any", "*"]];
  return [...new Set(types)].map((pattern) =>
    pattern.endsWith(".*") ? ["beginning", pattern.slice(0, -1)] : ["exact", pattern],
  );
}
