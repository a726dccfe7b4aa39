import { problem } from "../../src/core/errors.ts";
import type { AppendRequest } from "../../src/core/event.ts";
import { err, ok } from "../../src/core/result.ts";
import { fakeGateway, type SendInit } from "./http-env.ts";

/** A gateway whose log takes everything, and what it was given. */
export function openLog(variables: Record<string, string> = {}, nextOffset = 1) {
  const requests: AppendRequest[] = [];
  const gateway = fakeGateway({
    variables,
    directory: { ensureTopic: async () => ok({ created: true }), hasTopic: async () => false },
    topicLog: {
      describe: async () => err(problem("not-found", "", { extra: { nextOffset } })),
      append: async (request) => {
        requests.push(request);
        return ok(
          request.events.map(({ type }, index) => {
            return { id: `evt_${index}`, partition: 0, offset: index + 1, type, time: "t", duplicate: false };
          }),
        );
      },
    },
  });
  const publish = (init: SendInit, topic = "orders") => gateway.send("POST", `/v1/topics/${topic}/events`, init);
  return { requests, gateway, publish };
}
