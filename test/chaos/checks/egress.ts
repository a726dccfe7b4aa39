import type { Checker } from "../evidence.ts";

/** Invariant 13: canary listeners on private addresses get no connection unless `ALLOW_PRIVATE_TARGETS`. */
export const egress: Checker = {
  invariant: "13 egress",
  check({ egress: seen }, violation) {
    for (const way of seen.notRefused) violation(`not refused: ${way}`);
    if (seen.connections > 0) violation(`${seen.connections} connections to private addresses`);
    if (seen.denied === 0) violation("no send to a private address was denied");
    return seen.asked + seen.denied;
  },
};
