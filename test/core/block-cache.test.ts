import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { encodeBlock } from "../../src/core/block.ts";
import type { LogEvent } from "../../src/core/event.ts";
import { BLOCK_CACHE_MAX_BYTES, DECODED_EVENT_BYTES } from "../../src/core/limits.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { Reader } from "../../src/topic-log/reader.ts";
import { LogState } from "../../src/topic-log/state.ts";
import { TopicLogStore } from "../../src/topic-log/store.ts";
import { nodeSql } from "../support/node-sql.ts";

const BLOCK_EVENTS = 100;

class CountingStore extends TopicLogStore {
  bodies = 0;

  override blockBody(segment: number, firstOffset: number): Uint8Array | null {
    this.bodies += 1;
    return super.blockBody(segment, firstOffset);
  }
}

/** A log of so many blocks of small events, each as large in storage as the others. */
function logOf(blocks: number) {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, topicLogMigrations);
  const store = new CountingStore(sql);
  const settings = { description: "", retentionDays: 30, retentionBytes: null, types: {} };
  store.putLog({ ...settings, tag: 1, live: true, createdAt: 0, nextOffset: 1 });
  const state = new LogState(store);
  state.openSegment(0);
  let bytesTotal = 0;
  for (let first = 1; first <= blocks * BLOCK_EVENTS; first += BLOCK_EVENTS) {
    const body = encodeBlock(Array.from({ length: BLOCK_EVENTS }, (_, index) => eventAt(first + index)));
    bytesTotal += body.byteLength;
    const lastOffset = first + BLOCK_EVENTS - 1;
    store.insertBlock(state.segmentFor(0).id, { firstOffset: first, lastOffset, receivedAt: 0, bytesTotal }, body);
    state.nextOffset = lastOffset + 1;
  }
  return { reader: new Reader(state, store, 0), reads: store, blockBytes: bytesTotal / blocks };
}

const eventAt = (offset: number): LogEvent => ({
  ...{ id: "", partition: 0, offset, receivedAt: 0, time: "1970-01-01T00:00:00.000Z", type: "a", key: null },
  ...{ source: null, subject: null, correlationId: null, causationId: null, cloudEvent: null, headers: null },
  ...{ contentType: "application/json", hops: 0, data: new TextEncoder().encode("1") },
});

it("decoded blocks are kept by what they take of memory, which for small events is far more than what is stored", () => {
  const { reader, reads, blockBytes } = logOf(1);
  const fits = Math.floor(BLOCK_CACHE_MAX_BYTES / (blockBytes + BLOCK_EVENTS * DECODED_EVENT_BYTES));
  expect(fits * blockBytes).toBeLessThan(BLOCK_CACHE_MAX_BYTES / 5);
  expect([...reader.ascending(1)]).toHaveLength(BLOCK_EVENTS);
  expect([...reader.ascending(1)]).toHaveLength(BLOCK_EVENTS);
  expect(reads.bodies).toBe(1);

  const blocks = fits + 20;
  const large = logOf(blocks);
  expect([...large.reader.ascending(1)]).toHaveLength(blocks * BLOCK_EVENTS);
  expect(large.reads.bodies).toBe(blocks);
  // The newest are still there, the oldest have gone.
  expect([...large.reader.ascending((blocks - fits + 2) * BLOCK_EVENTS + 1)].length).toBeGreaterThan(0);
  expect(large.reads.bodies).toBe(blocks);
  expect(large.reader.event(1)?.offset).toBe(1);
  expect(large.reads.bodies).toBe(blocks + 1);
});
