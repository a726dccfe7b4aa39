import type { Checker, Evidence } from "../evidence.ts";
import { MARK } from "../posts.ts";

const SIGNATURE = /\bv1,[A-Za-z0-9+/]{43}=/;

/** Invariant 14: no secret and no other tenant's payload in any answer or log line. */
export const confinement: Checker = {
  invariant: "14 confinement",
  check({ journal, plan }, violation) {
    const secrets = [...journal.neverShown, ...journal.shownOnce].map(bare);
    for (const line of journal.logLines) {
      if (secrets.some((secret) => line.includes(secret))) violation(`a secret in the log: ${line}`);
      if (line.includes(MARK)) violation(`a payload in the log: ${line}`);
      if (SIGNATURE.test(line)) violation(`a signature in the log: ${line}`);
    }
    for (const { tenant, method, path, status, text } of journal.exchanges) {
      const what = `${method} ${path} (${tenant}, ${status})`;
      if ([...journal.neverShown].some((secret) => text.includes(secret))) violation(`${what} shows a secret`);
      if (SIGNATURE.test(text)) violation(`${what} shows a signature`);
      const foreign = plan.tenants.find((other) => other !== tenant && text.includes(`${MARK}${other}~`));
      if (foreign !== undefined) violation(`${what} shows a payload of ${foreign}`);
    }
    return journal.logLines.length + journal.exchanges.length + shownOnce(journal, violation);
  },
};

/** A signing secret is in the one answer that made it. */
function shownOnce({ shownOnce: secrets, exchanges }: Evidence["journal"], violation: (what: string) => void): number {
  const showing = exchanges.filter(({ text }) => text.includes("whsec_"));
  for (const secret of secrets) {
    const answers = showing.filter(({ text }) => text.includes(bare(secret)));
    if (answers.length > 1)
      violation(`a signing secret was shown again by ${answers.at(-1)?.method} ${answers.at(-1)?.path}`);
  }
  for (const { method, path, text } of exchanges) {
    if (text.includes("whsec_") || ![...secrets].some((secret) => text.includes(bare(secret)))) continue;
    violation(`${method} ${path} shows a signing secret without its prefix`);
  }
  return secrets.size;
}

const bare = (secret: string): string => secret.replace("whsec_", "");
