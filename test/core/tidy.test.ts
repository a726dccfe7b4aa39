import { describe, expect, it } from "vitest";
import { code, importsOf, occurrences, readFiles, wrongImports } from "../support/tidy.ts";

const FILE_MAX_LINES = 400;

const sources = readFiles("src", [".ts"]);
const gateway = sources.filter(({ path }) => !path.startsWith("src/dashboard/"));
const programs = [
  ...sources,
  ...readFiles("test", [".ts"]),
  ...readFiles("bench", [".ts"]),
  ...readFiles("scripts", [".mjs"]),
];
// The rules themselves spell out what they forbid.
const governed = programs.filter(({ path }) => !/\/tidy(?:\.test)?\.ts$/.test(path));

const isOneOf =
  (...paths: readonly string[]) =>
  (path: string) =>
    paths.includes(path);
const isUnder =
  (...folders: readonly string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(folder));

/** Where the gateway meets the clock and chance; below, both are arguments, so that the simulation can choose them. */
const MEETS_CLOCK_AND_CHANCE = [
  "src/topic-log/object.ts",
  "src/subscription/object.ts",
  "src/directory/object.ts",
  "src/delivery/deliverer.ts",
  "src/delivery/retry-consumer.ts",
  "src/dead-letters/consumer.ts",
  "src/demo/seed.ts",
  "src/random.ts",
  "src/http/handle.ts",
  "src/http/handshake.ts",
  "src/http/lookup.ts",
  "src/http/source-config.ts",
  "src/http/source-counts.ts",
  "src/http/source-lookup.ts",
  "src/http/stats.ts",
  "src/http/subscription-config.ts",
  "src/http/subscription-create.ts",
  "src/http/test-send.ts",
  "src/http/webhooks-in.ts",
];

describe("imports", () => {
  it("go down only: worker, http, objects and their helpers, rpc and storage, core", () => {
    expect(sources.flatMap(wrongImports)).toEqual([]);
  });

  it("reach every file of src", () => {
    // What a build starts from, or what the compiler reads by itself.
    const entries = ["src/worker.ts", "src/dashboard/app.ts"];
    const imported = new Set(sources.flatMap(importsOf).map(({ target }) => target));
    const dead = sources.filter(({ path }) => !imported.has(path) && !entries.includes(path) && !/\.d\.ts$/.test(path));
    expect(dead.map(({ path }) => path)).toEqual([]);
  });
});

describe("each thing has its room", () => {
  it("SQL: stores and migrations", () => {
    const sql = /["'`]\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|REPLACE|WITH)\s/;
    const isStore = (path: string) => /\/(?:[a-z-]*store|migrations|migrate)\.ts$/.test(path);
    expect(occurrences(gateway, sql, isStore)).toEqual([]);
  });

  it("requests to subscribers: the one place that judges URLs first", () => {
    expect(occurrences(gateway, /(?<![.#\w])fetch\((?!\w+\??:)/, isOneOf("src/delivery/send.ts"))).toEqual([]);
  });

  it("clock and chance: the thin outside", () => {
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(|\bgetRandomValues\(|\brandomUUID\(/;
    expect(occurrences(gateway, impure, isOneOf(...MEETS_CLOCK_AND_CHANCE))).toEqual([]);
    for (const path of MEETS_CLOCK_AND_CHANCE) {
      expect(
        occurrences(
          gateway.filter((file) => file.path === path),
          impure,
        ),
        `${path} need not be listed`,
      ).not.toEqual([]);
    }
  });

  it("Request and Response: where HTTP is spoken", () => {
    const http = /\bnew (?:Request|Response)\(|\bResponse\.(?:json|redirect|error)\(/;
    expect(occurrences(gateway, http, isUnder("src/http/", "src/delivery/", "src/demo/"))).toEqual([]);
  });
});

describe("style", () => {
  it(`files have at most ${FILE_MAX_LINES} lines`, () => {
    const long = programs.filter(({ text }) => text.split("\n").length - 1 > FILE_MAX_LINES);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it("types are not escaped", () => {
    expect(occurrences(governed, /\bas any(?=\s*(?:[;,)\]}.]|$))|@ts-ignore|@ts-expect-error|@ts-nocheck/)).toEqual([]);
    expect(occurrences(gateway, /\bas (?:unknown|never)\b/)).toEqual([]);
  });

  it("nothing is left for later", () => {
    const left = governed.filter(({ text }) => /\b(?:TODO|FIXME|XXX|HACK)\b/.test(text));
    expect(left.map(({ path }) => path)).toEqual([]);
  });

  it("a markdown file has exactly one title", () => {
    const titles = ({ text }: { text: string }) => text.replace(/^```[\s\S]*?^```/gm, "").match(/^# /gm)?.length ?? 0;
    const documents = readFiles(".", [".md"]);
    expect(documents.filter((file) => titles(file) !== 1).map(({ path }) => path)).toEqual([]);
  });

  it("a limit says its unit last, unless it is a count", () => {
    const limits = sources.find(({ path }) => path === "src/core/limits.ts");
    const names = [...(limits?.text ?? "").matchAll(/^export const (\w+)/gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !namesUnit(name))).toEqual([]);
  });
});

const UNIT = /_(?:MS|SECONDS|DAYS|BYTES|CHARACTERS|OFFSETS|EVENTS|REQUESTS|SENDS|ROWS|ENTRIES|DEPTH|JITTER)$/;
const COUNT = /_(?:MAX|MIN|DEFAULT|MAX_CONCURRENT)$|_PER_[A-Z]+$/;
/** Time and size are never counts. */
const MEASURED = /TIMEOUT|DELAY|WINDOW|LIFE|GRACE|SLACK|INTERVAL|_AFTER_SECOND|SIZE|RETENTION|LENGTH/;

const namesUnit = (name: string): boolean => UNIT.test(name) || (COUNT.test(name) && !MEASURED.test(name));

describe("the rules themselves", () => {
  const file = (path: string, text: string) => ({ path, text });

  it("find an import that goes up or sideways", () => {
    const wrong = [
      file("src/core/a.ts", 'import { b } from "../http/b.ts";'),
      file("src/core/a.ts", 'import { b } from "node:fs";'),
      file("src/topic-log/a.ts", 'import {\n  b,\n} from "../subscription/b.ts";'),
      file("src/topic-log/a.ts", 'import type { B } from "../subscription/state.ts";'),
      file("src/storage/a.ts", 'export { b } from "../topic-log/b.ts";'),
      file("src/dashboard/a.ts", 'import { b } from "../core/b.ts";'),
      file("src/subscription/a.ts", 'const b = await import("../worker.ts");'),
    ];
    for (const one of wrong) expect(wrongImports(one), one.text).toHaveLength(1);
    const right = [
      file("src/core/a.ts", 'import * as v from "valibot";'),
      file("src/topic-log/a.ts", 'import type { B } from "../subscription/rpc.ts";'),
      file("src/http/a.ts", 'import { b } from "../demo/b.ts";'),
      file("src/worker.ts", 'export { B } from "./delivery/b.ts";'),
    ];
    for (const one of right) expect(wrongImports(one), one.text).toEqual([]);
  });

  it("look at code, not at comments", () => {
    const text = '// fetch(a)\n/* fetch(b)\n fetch(c) */\nconst url = "https://x"; fetch(url);\n';
    expect(occurrences([file("a.ts", text)], /fetch\(/)).toEqual(['a.ts: const url = "https://x"; fetch(url);']);
    expect(code(text)).toContain("https://x");
  });

  it("know a unit from a count", () => {
    expect(["TOPICS_MAX", "BODY_MAX_BYTES", "WAIT_MS", "TIMEOUT_MAX_SECONDS"].every(namesUnit)).toBe(true);
    expect(["TIMEOUT_MAX", "BODY", "WAIT", "DELAY_DEFAULT"].some(namesUnit)).toBe(false);
  });
});
