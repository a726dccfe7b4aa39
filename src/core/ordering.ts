/** `key`: the events of a key one after the other. `topic`: one at a time. `none`: as fast as concurrency allows. */
export type Ordering = "key" | "topic" | "none";
