import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { ROOT } from "./process-group.ts";

/** A file of the project, by its path from the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly typeOnly: boolean;
  /** Path from the root, or the name of a package. */
  readonly target: string;
}

/** Folders that are not the project's own text. */
const SKIPPED = /^(?:node_modules|dist|coverage|\.git|\.wrangler|\.sluice)\//;

/** All files under the given folders (`.` for all) whose names end as given. */
export function readFiles(folder: string, endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      if (SKIPPED.test(`${path}/`)) return [];
      if (entry.isDirectory()) return readFiles(path, endings);
      if (!endings.some((ending) => entry.name.endsWith(ending))) return [];
      return [{ path, text: readFileSync(join(ROOT, path), "utf8") }];
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The text without its comments. `//` after a colon or in quotes is taken for part of a URL. */
export const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\\])\/\/.*$/gm, "$1");

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^;"']*?\sfrom\s+)?"([^"]+)"/gm;
const DYNAMIC_IMPORT = /\bimport\("([^"]+)"\)/g;

/** What a module imports or exports again. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const resolve = (to: string) => (to.startsWith(".") ? posix.join(posix.dirname(path), to) : to);
  const written = code(text);
  return [
    ...[...written.matchAll(IMPORT)].map(([, type, to = ""]) => ({
      typeOnly: type !== undefined,
      target: resolve(to),
    })),
    ...[...written.matchAll(DYNAMIC_IMPORT)].map(([, to = ""]) => ({ typeOnly: false, target: resolve(to) })),
  ];
}

/** The lines of a file's code on which a pattern occurs, as `path: line`, for files where `allowed` is false. */
export function occurrences(
  files: readonly SourceFile[],
  pattern: RegExp,
  allowed: (path: string) => boolean = () => false,
): string[] {
  return files
    .filter(({ path }) => !allowed(path))
    .flatMap(({ path, text }) =>
      code(text)
        .split("\n")
        .filter((line) => pattern.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
}

/** From the top down; a folder may use what is below it, and its own. Those of one level know each other by type only. */
const LEVELS: readonly (readonly string[])[] = [
  ["worker.ts"],
  ["http"],
  ["topic-log", "subscription", "delivery", "dead-letters", "directory", "sources", "demo"],
  ["rpc", "storage"],
  ["log.ts", "random.ts"],
  ["core"],
];
/** Of packages, `core` may use those without I/O (docs/adr/0002, docs/adr/0014). */
const CORE_PACKAGES = /^(?:valibot|re2js|@hyperjump\/(?:browser|json-schema)(?:\/.*)?)$/;

const folderOf = (path: string): string => path.split("/")[1] ?? "";
const levelOf = (folder: string): number => LEVELS.findIndex((level) => level.includes(folder));

/**
 * Imports of a module of src that go up or sideways. The contract of an object (its rpc.ts) is the exception: everybody
 * who calls one may import its types.
 */
export function wrongImports(file: SourceFile): string[] {
  const folder = folderOf(file.path);
  return importsOf(file)
    .filter(({ target, typeOnly }) => !mayImport(folder, target, typeOnly))
    .map(({ target }) => `${file.path} imports ${target}`);
}

function mayImport(folder: string, target: string, typeOnly: boolean): boolean {
  const local = target.startsWith("src/");
  if (folder === "core") return local ? folderOf(target) === "core" : CORE_PACKAGES.test(target);
  if (!local) return true;
  const to = folderOf(target);
  if (to === folder) return true;
  if (typeOnly && target.endsWith("/rpc.ts")) return true;
  // The page in the browser speaks HTTP with the gateway; it has none of its code.
  if (folder === "dashboard" || to === "dashboard") return false;
  return levelOf(folder) >= 0 && levelOf(to) > levelOf(folder);
}
