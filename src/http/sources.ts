import { type Problem, problem } from "../core/errors.ts";
import { isSourceId, isSourceName, SOURCE_NAME_RULE } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SourceChanges, SourceView } from "../directory/rpc.ts";
import { calling, directory } from "../rpc/objects.ts";
import { isProviderName } from "../sources/registry.ts";
import { jsonAnswer, noContent } from "./answer.ts";
import { PATCH_TYPES, readJson } from "./body.ts";
import { type Answer, type Call, ownUrl } from "./call.ts";
import { hasTopic } from "./lookup.ts";
import { noSuchTopic, parameter } from "./path.ts";
import { isNamePosition } from "./query.ts";
import { mergedOptions, newSource, readTopic, sealSecrets, settingsOfSource } from "./source-config.ts";
import { tellAllCounts, tellCounts } from "./source-counts.ts";
import { findSource, forgetToken, noSuchSource, sourceTokenKey } from "./source-lookup.ts";
import { SourceChangesDocument, SourceDocument } from "./source-schema.ts";
import { sourceView } from "./source-view.ts";
import { invalidDocument, validate } from "./validate.ts";

const NOTHING_COUNTED = { accepted: 0, refused: 0, duplicates: 0, lastRefusal: null };

/** `POST /v1/sources`: 201 with the URL. */
export async function postSource(call: Call): Promise<Answer> {
  const document = await readDocument(call);
  return document.ok ? create(call, document.value) : document;
}

/** `PUT /v1/sources/{name}`: creates it (201), or makes it what the document says (200), under the URL it has. */
export async function putSource(call: Call): Promise<Answer> {
  const name = parameter(call, "source") ?? "";
  if (!isSourceId(name) && !isSourceName(name)) {
    return err(problem("invalid", `The name of a source ${SOURCE_NAME_RULE}.`));
  }
  const document = await readDocument(call);
  if (!document.ok) return document;
  const present = await findSource(call);
  if (present.ok) return replace(call, present.value, document.value);
  // Ids are given out, not chosen.
  if (present.error.code !== "not-found" || isSourceId(name)) return present;
  if (document.value.name !== undefined && document.value.name !== name) return err(otherName());
  const created = await create(call, { ...document.value, name });
  if (created.ok || created.error.code !== "name-taken") return created;
  // Another request created it in between: then this one is the update.
  const there = await findSource(call);
  return there.ok ? replace(call, there.value, document.value) : there;
}

/** `GET /v1/sources`, oldest first. */
export async function listSources(call: Call): Promise<Answer> {
  const { env, tenant, query } = call;
  const list = `sources/${tenant}`;
  const after = query.cursor(list, isNamePosition);
  const limit = query.limit();
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);
  await tellAllCounts(tenant);
  const page = await calling(async () => ok(await directory(env, tenant).sources(after, limit)));
  if (!page.ok) return page;
  const { origin } = ownUrl(call);
  const data = page.value.sources.map((source) => sourceView(source, origin));
  return ok(jsonAnswer({ data, next: query.next(list, page.value.next) }));
}

/** `GET /v1/sources/{id}`. */
export async function getSource(call: Call): Promise<Answer> {
  const source = await findSource(call);
  if (!source.ok) return source;
  await tellCounts(call.tenant, source.value.id);
  return show(call, await findSource(call));
}

/** `PATCH /v1/sources/{id}` (RFC 7396). */
export async function patchSource(call: Call): Promise<Answer> {
  const body = await readJson(call.request, PATCH_TYPES);
  if (!body.ok) return body;
  const changes = validate(SourceChangesDocument, body.value);
  if (!changes.ok) return changes;
  const present = await findSource(call);
  if (!present.ok) return present;
  const wanted = await changesOf(call, changes.value, present.value);
  return wanted.ok ? update(call, present.value, wanted.value) : wanted;
}

/** `DELETE /v1/sources/{id}`: its URL is 404 from now on, within 30 s everywhere. */
export async function deleteSource(call: Call): Promise<Answer> {
  const source = await findSource(call);
  if (!source.ok) return source;
  const { id, token } = source.value;
  const removed = await calling(async () => ok(await directory(call.env, call.tenant).removeSource(id)));
  if (!removed.ok) return removed;
  forgetToken(token);
  return removed.value ? ok(noContent()) : err(noSuchSource());
}

async function readDocument(call: Call): Promise<Result<SourceDocument, Problem>> {
  const body = await readJson(call.request);
  return body.ok ? validate(SourceDocument, body.value) : body;
}

async function create(call: Call, document: SourceDocument): Promise<Answer> {
  const { env, tenant } = call;
  const settings = await settingsOfSource(document, call.settings.vault);
  if (!settings.ok) return settings;
  const topic = await requireTopic(call, settings.value.topic);
  if (!topic.ok) return topic;
  const key = await sourceTokenKey(env);
  if (!key.ok) return key;
  const { name, provider } = document;
  const source = await newSource({ name, provider, settings: settings.value }, tenant, key.value);
  const put = await calling(() => directory(env, tenant).putSource(source));
  if (!put.ok) return put;
  return ok(jsonAnswer(sourceView({ ...source, counts: NOTHING_COUNTED }, ownUrl(call).origin), 201));
}

async function replace(call: Call, present: SourceView, document: SourceDocument): Promise<Answer> {
  if (document.name !== undefined && document.name !== present.name) return err(otherName());
  if (document.provider !== present.provider) {
    return err(problem("conflict", `This source is one of ${present.provider}, and a source cannot change that.`));
  }
  const settings = await settingsOfSource(document, call.settings.vault);
  if (!settings.ok) return settings;
  const topic = await requireTopic(call, settings.value.topic);
  return topic.ok ? update(call, present, settings.value) : topic;
}

async function changesOf(
  call: Call,
  { topic, secrets, options }: SourceChangesDocument,
  present: SourceView,
): Promise<Result<SourceChanges, Problem>> {
  const { provider } = present;
  if (!isProviderName(provider)) throw new Error("a source has a provider that is in the registry");
  const wanted: { -readonly [K in keyof SourceChanges]: SourceChanges[K] } = {};
  if (topic !== undefined) {
    const read = readTopic(topic);
    if (!read.ok) return read;
    wanted.topic = read.value;
  }
  if (secrets !== undefined) {
    const sealed = await sealSecrets(secrets, provider, call.settings.vault);
    if (!sealed.ok) return sealed;
    wanted.secrets = sealed.value;
  }
  if (options !== undefined) {
    const merged = mergedOptions(options, present.options, provider);
    if (!merged.ok) return merged;
    wanted.options = merged.value;
  }
  const there = await requireTopic(call, wanted.topic ?? present.topic);
  return there.ok ? ok(wanted) : there;
}

async function update(call: Call, { id, token }: SourceView, changes: SourceChanges): Promise<Answer> {
  const updated = await calling(async () => ok(await directory(call.env, call.tenant).updateSource(id, changes)));
  if (!updated.ok) return updated;
  forgetToken(token);
  return show(call, updated.value === null ? err(noSuchSource()) : ok(updated.value));
}

/** The first event creates its topic (3.4). Where no topic comes into being that way it has to be there already. */
async function requireTopic(call: Call, topic: string): Promise<Result<null, Problem>> {
  if (call.settings.topicsAutoCreate) return ok(null);
  const there = await hasTopic(call, topic);
  if (!there.ok) return there;
  return there.value ? ok(null) : err(noSuchTopic());
}

const show = (call: Call, source: Result<SourceView, Problem>): Answer =>
  source.ok ? ok(jsonAnswer(sourceView(source.value, ownUrl(call).origin))) : source;

const otherName = (): Problem =>
  invalidDocument([{ pointer: "#/name", detail: "is not the name in the path; a name cannot be changed" }]);
