// Builds the dashboard into dist/dashboard. Files that would not change are left alone: a running gateway watches them.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src", "dashboard");
const target = join(root, "dist", "dashboard");
const COPIED = ["index.html", "style.css", "_headers"];

const bundle = await build({
  entryPoints: [join(source, "app.ts")],
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  write: false,
});
const files = new Map(bundle.outputFiles.map((file) => ["app.js", Buffer.from(file.contents)]));
for (const name of COPIED) files.set(name, await readFile(join(source, name)));

await mkdir(target, { recursive: true });
let written = 0;
for (const [name, contents] of files) {
  const path = join(target, name);
  const present = await readFile(path).catch(() => null);
  if (present?.equals(contents)) continue;
  await writeFile(path, contents);
  written += 1;
}
for (const name of await readdir(target)) if (!files.has(name)) await rm(join(target, name), { recursive: true });

const kib = Math.ceil([...files.values()].reduce((sum, contents) => sum + contents.length, 0) / 1024);
console.log(`dist/dashboard: ${files.size} files, ${kib} KiB, ${written} changed`);
