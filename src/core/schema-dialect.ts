import "@hyperjump/json-schema/draft-2020-12";
import { entries, removeUriSchemePlugin, typeOf, value } from "@hyperjump/browser";
import { setShouldValidateSchema } from "@hyperjump/json-schema";
import {
  addKeyword,
  type EvaluationPlugin,
  type Keyword,
  Validation,
  type ValidationContext,
} from "@hyperjump/json-schema/experimental";
import * as Instance from "@hyperjump/json-schema/instance/experimental";
import { compileSchemaPattern, type SchemaPattern } from "./schema-pattern.ts";
import { spend } from "./schema-work.ts";

/*
 * The dialect 2020-12 as the library has it, but for what must not be left to it here: regular expressions run in linear
 * time, nothing is fetched, what an evaluation costs is counted. Schemas are checked by schema-check.ts, which says where
 * they are wrong.
 */

type Context = ValidationContext & { readonly evaluatedProperties?: Set<string> };
/** Where a compiled schema stands. */
type SchemaUri = string;

/** Characters times instructions that are one step. */
const PATTERN_WORK_PER_STEP = 100;

const KEYWORD = "https://json-schema.org/keyword/";
/** They look at the whole of a value, however deep it is. */
const DEEP: ReadonlySet<string> = new Set([`${KEYWORD}const`, `${KEYWORD}enum`, `${KEYWORD}uniqueItems`]);

function patternOf(text: string): SchemaPattern {
  const compiled = compileSchemaPattern(text);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
}

function matches({ test, size }: SchemaPattern, text: string): boolean {
  spend(Math.ceil((text.length * size) / PATTERN_WORK_PER_STEP));
  return test(text);
}

const pattern: Keyword<SchemaPattern> = {
  id: `${KEYWORD}pattern`,
  compile: async (schema) => patternOf(value<string>(schema)),
  interpret: (compiled, instance) =>
    Instance.typeOf(instance) !== "string" || matches(compiled, Instance.value<string>(instance)),
};

const patternProperties: Keyword<readonly (readonly [SchemaPattern, SchemaUri])[], Context> = {
  id: `${KEYWORD}patternProperties`,
  simpleApplicator: true,
  compile: async (schema, ast) => {
    const compiled: [SchemaPattern, SchemaUri][] = [];
    for await (const [text, property] of entries(schema)) {
      // Schemas within schemas are of one document here (schema-check.ts), which the types of the library do not know.
      const at = { ...property, document: schema.document };
      compiled.push([patternOf(text), await Validation.compile(at, ast, schema)]);
    }
    return compiled;
  },
  interpret: (compiled, instance, context) =>
    everyProperty(instance, context, (name, property) => {
      const found = compiled.filter(([one]) => matches(one, name));
      // All of them, so that each fault is told.
      const valid = found.map(([, schema]) => Validation.interpret(schema, property, context)).every(Boolean);
      return found.length === 0 ? null : valid;
    }),
};

interface OtherProperties {
  readonly named: ReadonlySet<string>;
  readonly patterns: readonly SchemaPattern[];
  readonly schema: SchemaUri;
}

const additionalProperties: Keyword<OtherProperties, Context> = {
  id: `${KEYWORD}additionalProperties`,
  simpleApplicator: true,
  compile: async (schema, ast, parent) => ({
    named: new Set(await namesUnder("properties", parent)),
    patterns: (await namesUnder("patternProperties", parent)).map(patternOf),
    schema: await Validation.compile(schema, ast, parent),
  }),
  interpret: ({ named, patterns, schema }, instance, context) =>
    everyProperty(instance, context, (name, property) =>
      named.has(name) || patterns.some((one) => matches(one, name))
        ? null
        : Validation.interpret(schema, property, context),
    ),
};

/** Whether all properties that `judge` has an opinion of (not null) are valid; those count as evaluated. */
function everyProperty(
  instance: Instance.JsonNode,
  context: Context,
  judge: (name: string, property: Instance.JsonNode) => boolean | null,
): boolean {
  if (Instance.typeOf(instance) !== "object") return true;
  let valid = true;
  for (const [nameNode, property] of Instance.entries(instance)) {
    const name = Instance.value<string>(nameNode);
    const judged = judge(name, property);
    if (judged === null) continue;
    if (!judged) valid = false;
    context.evaluatedProperties?.add(name);
  }
  return valid;
}

type Schema = Parameters<Keyword<unknown>["compile"]>[0];

async function namesUnder(keyword: string, parent: Schema): Promise<string[]> {
  for await (const [name, part] of entries(parent)) {
    if (name === keyword && typeOf(part) === "object") return Object.keys(value<object>(part));
  }
  return [];
}

/** Counts what an evaluation does: one step a keyword, and one for each thing that the keyword looks at. */
export const counting: EvaluationPlugin = {
  beforeKeyword([id, , operand], instance) {
    const looked = DEEP.has(id) ? sizeOf(Instance.value(instance)) : instance.children.length;
    spend(1 + looked + (Array.isArray(operand) ? operand.length : 0));
  },
};

function sizeOf(whole: unknown): number {
  if (typeof whole !== "object" || whole === null) return 1;
  let size = 1;
  for (const part of Object.values(whole)) size += sizeOf(part);
  return size;
}

for (const scheme of ["http", "https", "file"]) removeUriSchemePlugin(scheme);
setShouldValidateSchema(false);
addKeyword(pattern);
addKeyword(patternProperties);
addKeyword(additionalProperties);
