import type { Checker } from "../evidence.ts";

/** Lists: paging gives what one page gives, nothing twice, nothing missing, newest first. */
export const lists: Checker = {
  invariant: "lists",
  check({ standing }, violation) {
    let checks = 0;
    for (const [id, { deliveries, paged }] of standing) {
      checks += 1;
      const whole = [...deliveries].reverse();
      if (JSON.stringify(paged) !== JSON.stringify(whole)) violation(`${id}: pages and the whole differ`);
      const order = whole.map(({ offset }) => offset);
      if (order.some((offset, index) => index > 0 && offset >= (order[index - 1] ?? 0))) violation(`${id}: ${order}`);
    }
    return checks;
  },
};
