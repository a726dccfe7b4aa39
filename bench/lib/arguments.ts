/** What one run of the bench is asked for. */
export interface Options {
  /** Small sizes: all rows within 45 s, each noted as such. */
  readonly quick: boolean;
  readonly json: boolean;
  /** The bill instead of the rows. */
  readonly cost: boolean;
  /** Names of rows' groups; null = all. */
  readonly only: readonly string[] | null;
}

const USAGE = `usage: npm run bench -- [--quick] [--json] [--cost] [--only <group>[,<group>...]]

  --quick   small sizes, within 45 s
  --json    one JSON object on standard output
  --cost    the bill: dollars per million events, counted from the running code
  --only    some groups of rows`;

/** The options, or what to tell who gave others. `groups` are those that `--only` may name. */
export function parseArguments(
  args: readonly string[],
  groups: readonly string[],
): Options | { readonly refused: string } {
  const options = { quick: false, json: false, cost: false };
  let only: string[] | null = null;
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === "--quick" || argument === "--json" || argument === "--cost") {
      options[argument === "--quick" ? "quick" : argument === "--json" ? "json" : "cost"] = true;
    } else if (argument === "--only") {
      only = (rest.shift() ?? "").split(",");
      const unknown = only.filter((name) => !groups.includes(name));
      if (unknown.length > 0) return { refused: `--only takes ${groups.join(", ")}\n\n${USAGE}` };
    } else return { refused: `${argument} is not known here\n\n${USAGE}` };
  }
  return { ...options, only };
}
