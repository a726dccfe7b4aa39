import { DatabaseSync } from "node:sqlite";
import type { AppendRequest } from "../../src/core/event.ts";
import { ok } from "../../src/core/result.ts";
import { directoryMigrations } from "../../src/directory/migrations.ts";
import { SourceStore } from "../../src/directory/source-store.ts";
import { migrate } from "../../src/storage/migrate.ts";
import type { TopicLogRpc } from "../../src/topic-log/rpc.ts";
import { type FakeGateway, type FakeObjects, fakeGateway } from "./http-env.ts";
import { nodeSql } from "./node-sql.ts";

export interface SourceAnswer {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly topic: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly accepted: number;
  readonly refused: number;
  readonly duplicates: number;
  readonly lastRefusal: { readonly at: string; readonly reason: string } | null;
}

export interface SourceGateway extends FakeGateway {
  /** What is in storage. */
  readonly store: SourceStore;
  /** What was appended. */
  readonly appended: AppendRequest[];
  create(document: unknown): Promise<SourceAnswer>;
  get(idOrName: string): Promise<SourceAnswer>;
  /** A request to a URL of a source, without a key. */
  deliver(
    url: string,
    init?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: BodyInit },
  ): Promise<Response>;
}

let gateways = 0;

/** A gateway with the real store of sources, and a log that remembers what it was given. */
export function sourceGateway({ directory, topicLog, variables }: FakeObjects = {}): SourceGateway {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, directoryMigrations);
  const store = new SourceStore(sql);
  const appended: AppendRequest[] = [];
  const offsets = new Map<string, number>();
  const append: TopicLogRpc["append"] = async (request) => {
    appended.push(request);
    return ok(
      request.events.map(({ type, idempotency }) => {
        const known = idempotency === null ? undefined : offsets.get(idempotency.key);
        const offset = known ?? appended.length;
        if (idempotency !== null) offsets.set(idempotency.key, offset);
        return { id: `evt_${offset}`, partition: 0, offset, type, time: "t", duplicate: known !== undefined };
      }),
    );
  };
  gateways += 1;
  const tokenKey = `key-${gateways}`;
  const fake = fakeGateway({
    directory: {
      ensureTopic: async () => ok({ created: true }),
      sourceTokenKey: async () => tokenKey,
      putSource: async (entry) => store.put(entry),
      updateSource: async (id, changes) => store.update(id, changes, Date.now()),
      removeSource: async (id) => store.remove(id),
      source: async (idOrName) => store.find(idOrName),
      sourceByToken: async (token) => store.byToken(token),
      sources: async (after, limit) => {
        const found = store.list(after, limit + 1);
        return { sources: found.slice(0, limit), next: found.length > limit ? (found[limit - 1]?.id ?? null) : null };
      },
      countSource: async (id, counts) => store.count(id, counts),
      ...directory,
    },
    topicLog: { append, ...topicLog },
    ...(variables === undefined ? {} : { variables }),
  });
  const answered = async (answer: Response): Promise<SourceAnswer> => {
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    ...fake,
    store,
    appended,
    create: async (document) => answered(await fake.send("POST", "/v1/sources", { json: document })),
    get: async (idOrName) => answered(await fake.send("GET", `/v1/sources/${idOrName}`)),
    deliver: (url, init) => {
      const { pathname, search } = new URL(url);
      return fake.send("POST", pathname + search, { key: null, ...init });
    },
  };
}
