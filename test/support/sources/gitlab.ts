import type { SourceTable } from "./table.ts";

/** Its signing tokens are tested with Standard Webhooks, whose form they have: test/core/sources/libraries.test.ts. */
export const gitlab: SourceTable = {
  secrets: ["token-of-the-project", "another token"],
  refusedSecrets: ["naïve", " token", "token\n", "whsec_", "whsec_short", "whsec_AAAA"],
  sign: ({ secret }) => ({ "x-gitlab-token": secret }),
  proof: "x-gitlab-token",
  coversBody: false,
  timed: false,
  proofs: [["twice", (proof) => `${proof}, ${proof}`, false]],
  readings: [
    {
      title: "an event",
      headers: {
        ...{ "x-gitlab-event": "Merge Request Hook", "x-gitlab-event-uuid": "13792a34", "x-gitlab-token": "secret" },
        ...{ "idempotency-key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f", "x-gitlab-instance": "https://gitlab.com" },
      },
      type: "gitlab.merge.request.hook",
      id: "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
      kept: ["idempotency-key", "x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance"],
    },
    {
      title: "an event of an older release",
      headers: { "x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "13792a34" },
      type: "gitlab.push.hook",
      id: "13792a34",
    },
    { title: "nothing", type: "gitlab.received", id: null },
  ],
};
