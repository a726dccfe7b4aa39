import type { Checker } from "../evidence.ts";

/** Invariant 4: same key and bytes, one id and offset, under any race or crash; other bytes, a refusal. */
export const idempotency: Checker = {
  invariant: "4 idempotency",
  check({ journal, byMarker }, violation) {
    let checks = 0;
    for (const { kind, note, requestKey, events, tries } of journal.posts) {
      const key = requestKey ?? events[0]?.idempotencyKey ?? null;
      if (key === null || kind === "bad") continue;
      const answers = tries.filter(({ answer }) => answer !== null);
      if (kind === "conflict") {
        checks += 1;
        const known = tries.filter(({ status }) => status !== null && status < 500);
        const wrong = known.find(({ status, code }) => status !== 422 || code !== "idempotency-conflict");
        if (wrong !== undefined) violation(`${key} with other bytes was answered ${wrong.status} ${wrong.code}`);
        continue;
      }
      for (const { marker } of events) {
        checks += 1;
        const times = byMarker.get(marker)?.length ?? 0;
        if (times > 1) violation(`${key}: ${note} was appended ${times} times in ${tries.length} tries`);
      }
      const fresh = answers.filter(({ answer }) => answer?.some(({ duplicate }) => !duplicate));
      if (fresh.length > 1) violation(`${key} was new to the gateway ${fresh.length} times`);
      const places = (answer: (typeof tries)[number]["answer"]) =>
        answer?.map(({ id, offset }) => `${id}@${offset}`).join();
      for (const one of answers) {
        checks += 1;
        if (places(one.answer) !== places(answers[0]?.answer ?? null)) {
          violation(`${key} was answered ${places(answers[0]?.answer ?? null)}, then ${places(one.answer)}`);
        }
        const before = answers.some((other) => other.done < one.asked);
        if (before && one.answer?.some(({ duplicate }) => !duplicate))
          violation(`${key} was known and answered as new`);
      }
    }
    return checks;
  },
};
