import { jsonPointer } from "./json-pointer.ts";
import { SCHEMA_MAX_BYTES, SCHEMA_MAX_DEPTH } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import {
  ANCHOR_KEYWORDS,
  ASSERTIONS,
  IDENTIFYING,
  REFERENCE_KEYWORDS,
  SCHEMA_KEYWORDS,
  SCHEMA_LIST_KEYWORDS,
  SCHEMA_MAP_KEYWORDS,
  VALUE_KEYWORDS,
} from "./schema-keywords.ts";
import { compileSchemaPattern } from "./schema-pattern.ts";

/** The one dialect. */
export const SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonSchema = boolean | { [keyword: string]: Json };

export interface SchemaFault {
  /** RFC 6901, as a URI fragment. */
  readonly pointer: string;
  /** Ends the sentence that the pointer begins. */
  readonly detail: string;
}

/** A schema whose every keyword means something and leads somewhere. */
export interface CheckedSchema {
  /** Without what asserts nothing; references are fragments. */
  readonly schema: JsonSchema;
  readonly patterns: number;
}

type Path = readonly (string | number)[];

const ANCHOR = /^[A-Za-z_][-A-Za-z0-9._]*$/;

/** Reads a schema a user gave, which stands at `base` of the body. */
export function checkSchema(value: unknown, base: string): Result<CheckedSchema, readonly SchemaFault[]> {
  const tooLarge = refusedSize(value, base);
  if (tooLarge !== null) return err([tooLarge]);
  const walk = new Walk(base);
  const schema = walk.schema(value, []);
  walk.resolve();
  return walk.faults.length > 0 ? err(walk.faults) : ok({ schema, patterns: walk.patterns });
}

function refusedSize(value: unknown, pointer: string): SchemaFault | null {
  if (typeof value !== "boolean" && !isObject(value))
    return { pointer, detail: "must be a JSON Schema: an object, true or false" };
  if (depthExceeds(value, SCHEMA_MAX_DEPTH))
    return { pointer, detail: `must not be nested deeper than ${SCHEMA_MAX_DEPTH} levels` };
  if (new TextEncoder().encode(JSON.stringify(value)).byteLength > SCHEMA_MAX_BYTES)
    return { pointer, detail: `must have ${SCHEMA_MAX_BYTES} bytes or fewer as JSON` };
  return null;
}

/** One walk over a schema: gathers faults, places that can be referred to, and references. */
class Walk {
  readonly faults: SchemaFault[] = [];
  patterns = 0;
  readonly #base: string;
  /** `$id` of the root: another way to refer to it. */
  #id: string | null = null;
  /** Where schemas stand, as pointers, and their anchors. */
  readonly #places = new Set<string>();
  readonly #anchors = new Set<string>();
  readonly #references: { readonly path: Path; readonly fragment: string }[] = [];

  constructor(base: string) {
    this.#base = base;
  }

  schema(value: unknown, path: Path): JsonSchema {
    this.#places.add(pointerOf(path));
    if (typeof value === "boolean") return value;
    if (!isObject(value)) {
      this.#fault(path, "must be a schema: an object, true or false");
      return false;
    }
    // The identity first: references are read by it.
    if (path.length === 0) this.#identity(value);
    return Object.fromEntries(
      Object.entries(value).flatMap(([keyword, part]) => {
        const kept = this.#keyword(keyword, part, [...path, keyword]);
        return kept === undefined ? [] : [[keyword, kept]];
      }),
    );
  }

  /** Whether every reference leads to a schema; known only after the walk. */
  resolve(): void {
    for (const { path, fragment } of this.#references) {
      const found =
        fragment === "" || fragment.startsWith("/") ? this.#places.has(fragment) : this.#anchors.has(fragment);
      if (!found)
        this.#fault(path, "must lead to a place in this schema where a schema stands; others are not fetched");
    }
  }

  #identity({ $schema, $id }: Readonly<Record<string, unknown>>): void {
    if ($schema !== undefined && $schema !== SCHEMA_DIALECT && $schema !== `${SCHEMA_DIALECT}#`)
      this.#fault(["$schema"], `must be ${SCHEMA_DIALECT}, the one dialect there is here`);
    if (typeof $id === "string" && !$id.includes("#")) this.#id = $id;
    else if ($id !== undefined) this.#fault(["$id"], "must be a URI without a fragment");
  }

  /** What is kept of a keyword; undefined: nothing, it asserts nothing. */
  #keyword(keyword: string, value: unknown, path: Path): Json | undefined {
    if (SCHEMA_KEYWORDS.has(keyword)) return this.schema(value, path);
    if (SCHEMA_LIST_KEYWORDS.has(keyword)) return this.#list(value, path);
    if (SCHEMA_MAP_KEYWORDS.has(keyword)) return this.#map(keyword, value, path);
    if (REFERENCE_KEYWORDS.has(keyword)) return this.#reference(value, path);
    if (ANCHOR_KEYWORDS.has(keyword)) return this.#anchor(value, path);
    if (keyword === "$vocabulary") this.#fault(path, "is for dialects of one's own, and there is one dialect here");
    if (keyword === "$id" && path.length > 1)
      this.#fault(path, "must be at the root only: refer to what is inside with #/$defs/...");
    if (keyword === "$schema" && path.length > 1) this.#fault(path, "must be at the root only");
    return this.#assertion(keyword, value, path);
  }

  #assertion(keyword: string, value: unknown, path: Path): Json | undefined {
    const rule = ASSERTIONS.get(keyword);
    if (rule === undefined) return undefined;
    const otherwise = rule(value);
    if (otherwise !== null) this.#fault(path, `must be ${otherwise}`);
    else if (VALUE_KEYWORDS.has(keyword)) this.#value(value, path);
    else if (typeof value === "string" && keyword === "pattern") this.#pattern(value, path);
    return toJson(value);
  }

  #list(value: unknown, path: Path): Json {
    if (Array.isArray(value) && value.length > 0) return value.map((one, index) => this.schema(one, [...path, index]));
    this.#fault(path, "must be a list of at least one schema");
    return [];
  }

  #map(keyword: string, value: unknown, path: Path): Json {
    if (!isObject(value)) {
      this.#fault(path, "must be an object whose values are schemas");
      return {};
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        if (keyword === "patternProperties") this.#pattern(name, [...path, name]);
        return [name, this.schema(one, [...path, name])];
      }),
    );
  }

  #pattern(text: string, path: Path): void {
    this.patterns += 1;
    const compiled = compileSchemaPattern(text);
    if (!compiled.ok) this.#fault(path, compiled.error);
  }

  #anchor(value: unknown, path: Path): Json {
    if (typeof value !== "string" || !ANCHOR.test(value)) this.#fault(path, "must be a name: letters, digits, - . _");
    else if (this.#anchors.has(value)) this.#fault(path, "must not be the name of two places");
    else this.#anchors.add(value);
    return toJson(value);
  }

  /** A reference becomes a fragment, whichever way it names this schema. */
  #reference(value: unknown, path: Path): Json {
    if (typeof value !== "string") {
      this.#fault(path, "must be a string");
      return "#";
    }
    const hash = value.indexOf("#");
    const uri = hash === -1 ? value : value.slice(0, hash);
    const fragment = hash === -1 ? "" : decoded(value.slice(hash + 1));
    if ((uri !== "" && uri !== this.#id) || fragment === null) {
      this.#fault(path, "must lead to a place in this schema where a schema stands; others are not fetched");
      return "#";
    }
    this.#references.push({ path, fragment });
    return `#${encodeURI(fragment)}`;
  }

  #value(value: unknown, path: Path): void {
    if (typeof value !== "object" || value === null) return;
    for (const [name, part] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(name) : name];
      if (!Array.isArray(value) && IDENTIFYING.has(name))
        this.#fault(at, "must not be a member of a value in a schema: it would be taken for a keyword");
      this.#value(part, at);
    }
  }

  #fault(path: Path, detail: string): void {
    this.faults.push({ pointer: jsonPointer(path, this.#base), detail });
  }
}

const pointerOf = (path: Path): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function decoded(fragment: string): string | null {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function depthExceeds(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return limit === 0 || Object.values(value).some((part) => depthExceeds(part, limit - 1));
}

/** What JSON.parse made, as the type that says so. */
export function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toJson(part)]));
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
