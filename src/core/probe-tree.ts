import type { FilterInput } from "./filter.ts";
import { isScalar } from "./filter-pattern.ts";
import type { Probe, Scalar } from "./filter-probe.ts";
import { SortedBounds } from "./sorted-bounds.ts";

type Undo = () => void;

/** A place of events: the probes that look there, and the places below it. */
interface Place<T> {
  readonly below: Map<string, Place<T>>;
  readonly present: Items<T>;
  readonly equals: Map<Scalar, Items<T>>;
  /** By length, then by text. */
  readonly begins: Map<number, Map<string, Items<T>>>;
  readonly from: SortedBounds<T>;
  readonly upTo: SortedBounds<T>;
}

/** How often each is here: a filter may have two probes for one place. */
type Items<T> = Map<T, number>;

const newPlace = <T>(): Place<T> => ({
  below: new Map(),
  present: new Map(),
  equals: new Map(),
  begins: new Map(),
  from: new SortedBounds("ascending"),
  upTo: new SortedBounds("descending"),
});

/**
 * Items by the probes of their filters, as one tree of the members of an event: each part of an event is looked at once,
 * however many filters ask for it.
 */
export class ProbeTree<T> {
  readonly #always: Items<T> = new Map();
  readonly #root = newPlace<T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** null: always found. */
  insert(item: T, probes: readonly Probe[] | null): Undo {
    this.#size += 1;
    const undos =
      probes === null || probes.some(({ path }) => path.length === 0)
        ? [add(this.#always, item)]
        : probes.map((probe) => insertAt(this.#root, probe, 0, item));
    return () => {
      this.#size -= 1;
      for (const undo of undos) undo();
    };
  }

  find(event: FilterInput, found: Set<T>): void {
    for (const item of this.#always.keys()) found.add(item);
    for (const [name, place] of this.#root.below) {
      const value = memberOf(event, name);
      if (value !== undefined) visit(place, value, found);
    }
  }
}

function memberOf(event: FilterInput, name: string): unknown {
  switch (name) {
    case "type":
      return event.type;
    case "key":
      return event.key ?? undefined;
    case "source":
      return event.source ?? undefined;
    case "subject":
      return event.subject ?? undefined;
    default:
      return event.data();
  }
}

function insertAt<T>(place: Place<T>, probe: Probe, depth: number, item: T): Undo {
  const name = probe.path[depth];
  if (name === undefined) return insertHere(place, probe, item);
  const below = place.below.get(name) ?? newPlace<T>();
  place.below.set(name, below);
  const undo = insertAt(below, probe, depth + 1, item);
  return () => {
    undo();
    if (isEmpty(below)) place.below.delete(name);
  };
}

function insertHere<T>(place: Place<T>, { kind, value }: Probe, item: T): Undo {
  switch (kind) {
    case "present":
      return add(place.present, item);
    case "equals":
      return addUnder(place.equals, value, item);
    case "begins": {
      const text = String(value);
      const ofLength = place.begins.get(text.length) ?? new Map<string, Items<T>>();
      place.begins.set(text.length, ofLength);
      const undo = addUnder(ofLength, text, item);
      return () => {
        undo();
        if (ofLength.size === 0) place.begins.delete(text.length);
      };
    }
    case "from":
      return place.from.add(value, item);
    case "upTo":
      return place.upTo.add(value, item);
  }
}

function addUnder<T, K>(map: Map<K, Items<T>>, key: K, item: T): Undo {
  const items = map.get(key) ?? new Map<T, number>();
  map.set(key, items);
  const undo = add(items, item);
  return () => {
    undo();
    if (items.size === 0) map.delete(key);
  };
}

function add<T>(items: Items<T>, item: T): Undo {
  items.set(item, (items.get(item) ?? 0) + 1);
  return () => {
    const left = (items.get(item) ?? 1) - 1;
    if (left === 0) items.delete(item);
    else items.set(item, left);
  };
}

const isEmpty = <T>({ below, present, equals, begins, from, upTo }: Place<T>): boolean =>
  below.size + present.size + equals.size + begins.size + from.size + upTo.size === 0;

function visit<T>(place: Place<T>, value: unknown, found: Set<T>): void {
  for (const item of place.present.keys()) found.add(item);
  if (Array.isArray(value)) {
    const extremes = new Extremes();
    look(place, value, extremes, found);
    extremes.reach(place, found);
  } else if (isScalar(value)) {
    lookAtScalar(place, value, found);
    place.from.reached(value, found);
    place.upTo.reached(value, found);
  } else {
    look(place, value, null, found);
  }
}

/** The greatest and the least number and string of an array: they reach the bounds that any of its elements reaches. */
class Extremes {
  #numbers: { least: number; greatest: number } | null = null;
  #strings: { least: string; greatest: string } | null = null;

  see(value: Scalar): void {
    if (typeof value === "number") this.#numbers = widened(this.#numbers, value);
    else if (typeof value === "string") this.#strings = widened(this.#strings, value);
  }

  reach<T>({ from, upTo }: Place<T>, found: Set<T>): void {
    for (const seen of [this.#numbers, this.#strings]) {
      if (seen === null) continue;
      from.reached(seen.greatest, found);
      upTo.reached(seen.least, found);
    }
  }
}

function widened<V extends number | string>(seen: { least: V; greatest: V } | null, value: V) {
  if (seen === null) return { least: value, greatest: value };
  if (value < seen.least) seen.least = value;
  if (value > seen.greatest) seen.greatest = value;
  return seen;
}

/** What is at a place; the elements of an array are at the same one. */
function look<T>(place: Place<T>, value: unknown, extremes: Extremes | null, found: Set<T>): void {
  if (Array.isArray(value)) {
    for (const element of value) look(place, element, extremes, found);
  } else if (isScalar(value)) {
    lookAtScalar(place, value, found);
    extremes?.see(value);
  } else if (typeof value === "object" && place.below.size > 0) {
    lookBelow(place, Object(value), found);
  }
}

/** Through the members of the object or the places asked for, whichever are fewer. */
function lookBelow<T>(place: Place<T>, object: Readonly<Record<string, unknown>>, found: Set<T>): void {
  const names = Object.keys(object);
  if (names.length < place.below.size) {
    for (const name of names) {
      const below = place.below.get(name);
      if (below !== undefined) visit(below, object[name], found);
    }
    return;
  }
  for (const [name, below] of place.below) if (Object.hasOwn(object, name)) visit(below, object[name], found);
}

function lookAtScalar<T>({ equals, begins }: Place<T>, value: Scalar, found: Set<T>): void {
  if (equals.size > 0) for (const item of equals.get(value)?.keys() ?? []) found.add(item);
  if (typeof value === "string") {
    for (const [length, texts] of begins) {
      if (length > value.length) continue;
      for (const item of texts.get(value.slice(0, length))?.keys() ?? []) found.add(item);
    }
  }
}
