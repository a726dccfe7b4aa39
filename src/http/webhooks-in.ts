import { type Problem, problem } from "../core/errors.ts";
import type { AppendedEvent } from "../core/event.ts";
import { CONTENT_TYPE_MAX_CHARACTERS, EVENT_DATA_MAX_BYTES, SIGNATURE_TOLERANCE_SECONDS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { Content } from "../sources/content.ts";
import type { Incoming, Refusal } from "../sources/provider.ts";
import { readWebhook } from "../sources/receive.ts";
import { isProviderName, type ProviderName, providerOf } from "../sources/registry.ts";
import { jsonAnswer, textAnswer } from "./answer.ts";
import { readBody, refusedEncoding } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { readHops } from "./hops.ts";
import { onTopic } from "./lookup.ts";
import { noSuchTopic, parameter } from "./path.ts";
import { openSecrets } from "./source-config.ts";
import { countRequest } from "./source-counts.ts";
import { type FoundSource, findByToken } from "./source-lookup.ts";

/** `POST /in/{token}`: verified, appended, answered as its sender expects. Without a key: the token stands for one. */
export async function receiveWebhook(call: Call): Promise<Answer> {
  const found = await findByToken(call.env, parameter(call, "token") ?? "");
  if (!found.ok) return found;
  const { tenant, source } = found.value;
  const { provider: name } = source;
  if (!isProviderName(name)) throw new Error("a source has a provider that is in the registry");
  call.notes.tenant = tenant;
  const read = await readIncoming(call);
  if (!read.ok) return read;
  const { incoming, contentType, hops } = read.value;

  const provider = providerOf(name);
  const secrets = await openSecrets(source.secrets, call.settings.vault);
  const refusal = await provider.verify(
    incoming,
    { secrets, hmac: source.options.hmac },
    Math.floor(Date.now() / 1000),
  );
  if (refusal !== null) {
    countRequest(call, tenant, source.id, { refused: refusal });
    return err(refused(refusal, name));
  }
  const reply = provider.answerTo?.(incoming) ?? null;
  if (reply !== null) return ok(textAnswer(reply));

  const event = await readWebhook(
    incoming,
    contentType,
    { id: source.id, provider: name, options: source.options },
    hops,
  );
  const appended = await append(call, found.value, event);
  if (!appended.ok) return appended;
  call.notes.loggedElsewhere = true;
  const { id, offset, duplicate } = appended.value;
  countRequest(call, tenant, source.id, duplicate ? "duplicates" : "accepted");
  const { accepted } = provider;
  return ok(accepted === null ? jsonAnswer({ id, offset }, 202) : textAnswer(accepted.text, accepted.status));
}

interface Read {
  readonly incoming: Incoming;
  readonly contentType: string;
  readonly hops: number;
}

/** Any body of any type, as the bytes that came. */
async function readIncoming({ request }: Call): Promise<Result<Read, Problem>> {
  const { headers, url } = request;
  const encoded = refusedEncoding(headers);
  if (encoded !== null) return err(encoded);
  const contentType = headers.get("content-type") || "application/octet-stream";
  if (contentType.length > CONTENT_TYPE_MAX_CHARACTERS || !/^[\x20-\x7e]+$/.test(contentType)) {
    const rule = `${CONTENT_TYPE_MAX_CHARACTERS} characters of ASCII or fewer`;
    return err(problem("unsupported-media-type", `The content type must be ${rule}.`));
  }
  const hops = readHops(headers);
  if (!hops.ok) return hops;
  const bytes = await readBody(request, EVENT_DATA_MAX_BYTES);
  if (!bytes.ok) return bytes;
  const content = new Content(bytes.value, contentType);
  return ok({ incoming: { bytes: bytes.value, headers, content, url }, contentType, hops: hops.value });
}

async function append(
  { env, settings, requestId }: Call,
  { tenant, source }: FoundSource,
  event: Awaited<ReturnType<typeof readWebhook>>,
): Promise<Result<AppendedEvent, Problem>> {
  const request = { events: [event], idempotency: null, requestId, dataPointer: "#", expectedOffset: null };
  const ifAbsent = settings.topicsAutoCreate ? "create" : noSuchTopic();
  const appended = await onTopic({ env, tenant }, source.topic, ifAbsent, (log) => log.append(request));
  if (!appended.ok) return appended;
  const [only] = appended.value;
  if (only === undefined) throw new Error("an append of one event answers with one");
  return ok(only);
}

const REASONS: Readonly<Record<Refusal, string>> = {
  missing: "The headers that prove who sent this are not there.",
  malformed: "The headers that prove who sent this cannot be read.",
  mismatch: "The signature, token or password is none that this source's secrets make.",
  timestamp: `The request was signed more than ${SIGNATURE_TOLERANCE_SECONDS} seconds from now.`,
};

/** Senders of Basic credentials may wait to be asked for them. */
const refused = (refusal: Refusal, provider: ProviderName): Problem =>
  problem("invalid-signature", REASONS[refusal], {
    challenge: provider === "basic" ? 'Basic realm="webhooks", charset="UTF-8"' : "Signature",
  });
