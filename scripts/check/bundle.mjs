import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** A free account takes 3 MB compressed; a gateway this small has no business being near it. */
const BUNDLE_GZIP_MAX_BYTES = 1024 * 1024;
/** Names that only code for tests may have: planted bugs and switches must never be deployed. */
const TEST_SWITCH = /\b(?:PLANTED_|TEST_ONLY_|SLUICE_TEST|__TEST__)\w*/g;

/** What would be uploaded, of the directory that `wrangler deploy --dry-run --outdir` wrote. */
const uploaded = (directory) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.map$|^README\.md$|^bundle-meta\.json$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));

/** Faults of the built bundle: too large, or with a switch for tests in it. Returns them and the size. */
export function checkBundle(directory) {
  const faults = [];
  let gzipBytes = 0;
  for (const file of uploaded(directory)) {
    const contents = readFileSync(file);
    gzipBytes += gzipSync(contents).length;
    for (const name of new Set(contents.toString("latin1").match(TEST_SWITCH)))
      faults.push(`${file} contains the test switch ${name}`);
  }
  if (gzipBytes > BUNDLE_GZIP_MAX_BYTES) faults.push(`the bundle has ${gzipBytes} bytes compressed; at most 1 MiB`);
  return { faults, gzipBytes };
}

/** Names that the built entry exports, as the bundler notes them in its metafile. */
export function exportsOf(directory) {
  const { outputs } = JSON.parse(readFileSync(join(directory, "bundle-meta.json"), "utf8"));
  const entry = Object.values(outputs).find((output) => output.entryPoint !== undefined);
  return entry?.exports ?? [];
}
