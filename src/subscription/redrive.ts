import { decodeEventId } from "../core/ids.ts";
import { LETTERS_PER_CALL_MAX, REDRIVE_MAX_EVENTS, REDRIVE_STEP_EVENTS, REDRIVE_STEP_MS } from "../core/limits.ts";
import type { LetterIdentity } from "../directory/rpc.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Hole, KeptLetter } from "./model.ts";
import type { LetterSelection } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

/**
 * Dead letters by the many (API clause 7.6): brought back as unsettled events, in log order, due step by step so that a
 * subscriber that has just recovered is not hit by all of them; or deleted. Either way they leave the tenant's index.
 */
export class Redrive {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Returns how many. At most REDRIVE_MAX_EVENTS are on their way at once: the others stay dead letters. */
  redrive(known: Known, selection: LetterSelection): number {
    const now = this.#deps.now();
    const { runtime } = known;
    const before = runtime.redrive;
    const underWay = before === null ? 0 : before.total - before.done - before.failed;
    const letters = this.#selected(selection, REDRIVE_MAX_EVENTS - underWay);
    if (letters.length === 0) return 0;
    let brought = 0;
    for (const letter of letters) {
      this.#state.dropLetter(letter.offset);
      // One that a seek will come to anyway only stops being a dead letter.
      if (this.#state.comesAgain(letter.offset, letter.key)) continue;
      const step = Math.floor((underWay + brought) / REDRIVE_STEP_EVENTS);
      this.#state.setHole(holeOf(letter, now, now + step * REDRIVE_STEP_MS));
      this.#state.lanes.begin(letter.key);
      brought += 1;
    }
    const present = before === null || underWay === 0 ? { total: 0, done: 0, failed: 0 } : before;
    runtime.redrive = { ...present, total: present.total + brought };
    this.#state.touchRuntime();
    this.#leaveIndex(letters, now);
    this.#deps.alarm(now);
    return letters.length;
  }

  /** Returns how many. */
  delete(selection: LetterSelection): number {
    const letters = this.#selected(selection, REDRIVE_MAX_EVENTS);
    for (const letter of letters) this.#state.dropLetter(letter.offset);
    this.#leaveIndex(letters, this.#deps.now());
    return letters.length;
  }

  #leaveIndex(letters: readonly KeptLetter[], now: number): void {
    for (let i = 0; i < letters.length; i += LETTERS_PER_CALL_MAX) {
      const body = letters.slice(i, i + LETTERS_PER_CALL_MAX).map(identityOf);
      this.#state.addOutbox({ kind: "remove-letters", letters: body }, now);
    }
    this.#state.commit();
  }

  /** In log order. */
  #selected({ eventIds, since, until }: LetterSelection, most: number): KeptLetter[] {
    const letters = eventIds === null ? this.#all() : this.#named(eventIds);
    const selected: KeptLetter[] = [];
    for (const letter of letters) {
      if (selected.length >= most) break;
      const late = since !== null && letter.deadAt < since;
      if (!late && (until === null || letter.deadAt < until)) selected.push(letter);
    }
    return selected;
  }

  *#all(): Generator<KeptLetter> {
    for (let from = 0; ; ) {
      const page = this.#state.lettersFrom(from, LETTERS_PER_CALL_MAX);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < LETTERS_PER_CALL_MAX) return;
      from = last.offset + 1;
    }
  }

  #named(eventIds: readonly string[]): KeptLetter[] {
    const found = new Map<number, KeptLetter>();
    for (const id of eventIds) {
      const letter = this.#state.letter(decodeEventId(id)?.offset ?? 0);
      if (letter !== null && letter.eventId === id) found.set(letter.offset, letter);
    }
    return [...found.values()].sort((one, other) => one.offset - other.offset);
  }
}

/** A redriven event is settled, or nobody waits for it any more: the progress counts it. */
export function leftRedrive(state: SubscriptionState, known: Known, hole: Hole, how: "done" | "failed"): void {
  const { redrive } = known.runtime;
  if (hole.redriven === undefined || redrive === null) return;
  known.runtime.redrive = { ...redrive, [how]: redrive[how] + 1 };
  state.touchRuntime();
}

const holeOf = (letter: KeptLetter, now: number, dueAt: number): Hole => ({
  ...{ offset: letter.offset, eventId: letter.eventId, type: letter.type, key: letter.key },
  ...{ previous: letter.previous ?? 0, attempts: letter.attempts, failures: 0, interruptions: 0, dueAt },
  ...{ exhausted: false, trigger: "redrive", since: now, last: letter.lastAttempt, redriven: true },
  ...(letter.row === undefined ? {} : { row: letter.row }),
});

const identityOf = ({ deadAt, subscription, partition, offset, topic, reason }: KeptLetter): LetterIdentity => ({
  ...{ deadAt, subscription, partition, offset, topic, reason },
});
