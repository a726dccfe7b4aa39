import { PARTITION_FILLING_BYTES } from "../core/limits.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import type { LogDeps } from "./deps.ts";
import type { LogState } from "./state.ts";
import type { Filling, TopicLogStore } from "./store.ts";

/** Says so, once, when a partition has become four fifths full (API clause 3.5), until it has been heard. */
export class FillingWatch {
  readonly #deps: LogDeps;
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  /** As it is stored. */
  #mark: Filling | null;

  constructor(deps: LogDeps, parts: { state: LogState; store: TopicLogStore }) {
    this.#deps = deps;
    this.#state = parts.state;
    this.#store = parts.store;
    this.#mark = parts.store.filling();
  }

  /** In the turn of a commit: the alarm carries the rest. */
  committed(): void {
    if (this.#mark === null && this.#isFilling) this.#deps.alarm(this.#deps.now());
  }

  /** At the alarm. False: it could not be told, look again soon. */
  async tell(): Promise<boolean> {
    if (this.#mark === null && this.#isFilling) this.#set({ since: this.#deps.now(), told: false });
    const mark = this.#mark;
    if (mark === null) return true;
    if (!mark.told && !(await this.#publish(mark))) return false;
    // Ended while it was told.
    if (this.#mark !== mark) return true;
    if (!this.#isFilling) this.forget();
    else if (!mark.told) this.#set({ ...mark, told: true });
    return true;
  }

  /** There is room again, or no topic any more. */
  forget(): void {
    if (this.#mark !== null) this.#store.deleteFilling();
    this.#mark = null;
  }

  get #isFilling(): boolean {
    return this.#deps.topic !== EVENTS_TOPIC && this.#state.bytes >= PARTITION_FILLING_BYTES;
  }

  #set(mark: Filling): void {
    this.#store.putFilling(mark);
    this.#mark = mark;
  }

  async #publish({ since }: Filling): Promise<boolean> {
    const { topic, partition } = this.#deps;
    const happening = `filling/${topic}/${partition}/${since}`;
    try {
      await this.#deps.publish({ type: "topic.filling", happening, at: since, subscription: null, topic });
      return true;
    } catch {
      return false;
    }
  }
}
