import { type ParsedDeadLetterMessage, parseDeadLetterMessage, parseRetryMessage } from "../core/messages.ts";
import { EVENTS_TOPIC, type OperationalEvent } from "../core/operational-event.ts";
import { type LogFields, logLine } from "../log.ts";
import { directory, subscription } from "../rpc/objects.ts";
import { eventsPlace, publishOperational } from "../rpc/operational-events.ts";

type Received = Message<unknown>;
interface Letter {
  readonly message: Received;
  readonly body: ParsedDeadLetterMessage;
}

/**
 * Consumes the dead-letter queue: brings each letter to its tenant's index, then to its operational events, then tells
 * the subscription that its outbox row is done. The queue is also where retry messages end that failed too often: all they ask for is a look at
 * what is due. Each message is acked or retried by itself, so trouble with one never repeats another; what cannot
 * be read is logged and acked, for it will not get better.
 */
export async function consumeDeadLetters(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const startedAt = Date.now();
  const { letters, retries, poison } = sort(batch.messages);
  for (const message of poison) message.ack();
  const failures = (
    await Promise.all([
      ...groupBy(letters, ({ body }) => body.tenant).map((group) => index(env, group)),
      ...groupBy(retries, ({ name }) => name).map((group) => lookWhatIsDue(env, group)),
    ])
  ).flat();
  logLine("dead-letter-batch", {
    queue: batch.queue,
    messages: batch.messages.length,
    letters: letters.length,
    retryHints: retries.length,
    poison: poison.length,
    ...ofPoison(poison),
    retried: failures.length,
    durationMilliseconds: Date.now() - startedAt,
  });
}

interface Hint {
  readonly message: Received;
  readonly name: string;
}

function sort(messages: readonly Received[]): { letters: Letter[]; retries: Hint[]; poison: Received[] } {
  const letters: Letter[] = [];
  const retries: Hint[] = [];
  const poison: Received[] = [];
  for (const message of messages) {
    const letter = parseDeadLetterMessage(message.body);
    const retry = letter === null ? parseRetryMessage(message.body) : null;
    if (letter !== null) letters.push({ message, body: letter });
    else if (retry !== null) retries.push({ message, name: retry.subscription });
    else poison.push(message);
  }
  return { letters, retries, poison };
}

/** Indexes and publishes the letters of one tenant. Returns the messages that will come again. */
async function index(env: Env, letters: readonly Letter[]): Promise<Received[]> {
  const [first] = letters;
  if (first === undefined) return [];
  const added = letters.filter(({ body }) => body.action === "add").map(({ body }) => body.letter);
  const removed = letters.filter(({ body }) => body.action === "remove").map(({ body }) => body.letter);
  const tenant = directory(env, first.body.tenant);
  try {
    if (added.length > 0) await tenant.indexDeadLetters(added);
    if (removed.length > 0) await tenant.removeDeadLetters(removed);
    await publishOperational(letters.flatMap(deathOf), eventsPlace(env, first.body.tenant));
  } catch {
    return retryAll(letters);
  }
  const perSubscription = groupBy(letters, ({ body }) => body.subscription);
  return (await Promise.all(perSubscription.map((group) => acknowledge(env, group)))).flat();
}

/** None about the subscriptions of `sluice.events`: each death would make the next event. */
function deathOf({ body }: Letter): OperationalEvent[] {
  const { action, letter, subscription: id, name = id } = body;
  if (action !== "add" || letter.topic === EVENTS_TOPIC) return [];
  const { partition, offset, deadAt, topic, eventId, reason } = letter;
  const happening = `${id}/${partition}/${offset}/${deadAt}`;
  return [{ type: "delivery.dead", happening, at: deadAt, subscription: { id, name }, topic, eventId, reason }];
}

/** Only after the index has the letters may the subscription forget its outbox rows. */
async function acknowledge(env: Env, letters: readonly Letter[]): Promise<Received[]> {
  const [first] = letters;
  if (first === undefined) return [];
  try {
    const { tenant, subscription: id } = first.body;
    await subscription(env, tenant, id).outboxAcknowledged(letters.map(({ body }) => body.outbox));
  } catch {
    return retryAll(letters);
  }
  for (const { message } of letters) message.ack();
  return [];
}

async function lookWhatIsDue(env: Env, hints: readonly Hint[]): Promise<Received[]> {
  const [first] = hints;
  if (first === undefined) return [];
  try {
    await env.SUBSCRIPTION.getByName(first.name).retryDue();
  } catch {
    return retryAll(hints);
  }
  for (const { message } of hints) message.ack();
  return [];
}

function retryAll(failed: readonly { readonly message: Received }[]): Received[] {
  for (const { message } of failed) message.retry();
  return failed.map(({ message }) => message);
}

/** Ids only: what is in a message that cannot be read is nobody's to print. */
function ofPoison(poison: readonly Received[]): LogFields {
  return poison.length === 0 ? {} : { poisonIds: poison.map(({ id }) => id).join(" ") };
}

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): T[][] => [...Map.groupBy(items, keyOf).values()];
