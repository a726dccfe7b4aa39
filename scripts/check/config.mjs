/** The local defaults of these options differ from the platform's, so a missing one means two behaviours. */
const CONSUMER_OPTIONS = ["max_batch_size", "max_batch_timeout", "max_retries", "retry_delay"];

const list = (value) => value ?? [];

/** Faults between wrangler.toml and the built entry: bindings, exported classes and migrations must name the same classes. */
export function checkClasses(config, exported) {
  const faults = [];
  const bound = list(config.durable_objects?.bindings).map((binding) => binding.class_name);
  const migrated = migratedClasses(list(config.migrations), faults);
  for (const name of bound) {
    if (!exported.includes(name)) faults.push(`class ${name} is bound, but the bundle does not export it`);
    if (!migrated.has(name)) faults.push(`class ${name} is bound, but no migration makes it`);
  }
  for (const name of migrated) {
    if (!bound.includes(name)) faults.push(`a migration makes class ${name}, but nothing is bound to it`);
  }
  return faults;
}

/** The classes that exist after all migrations, in their order. */
function migratedClasses(migrations, faults) {
  const classes = new Set();
  const tags = new Set();
  for (const migration of migrations) {
    if (tags.has(migration.tag)) faults.push(`two migrations have the tag ${migration.tag}`);
    tags.add(migration.tag);
    if (list(migration.new_classes).length > 0)
      faults.push(`migration ${migration.tag}: objects must be SQLite-backed`);
    for (const name of list(migration.new_sqlite_classes)) classes.add(name);
    for (const name of list(migration.deleted_classes)) classes.delete(name);
    for (const { from, to } of list(migration.renamed_classes)) {
      classes.delete(from);
      classes.add(to);
    }
  }
  return classes;
}

/** Faults of the queues: an option left to its default, or a queue that nobody consumes (its messages vanish silently). */
export function checkQueues(config) {
  const faults = [];
  const consumers = list(config.queues?.consumers);
  const consumed = new Set(consumers.map((consumer) => consumer.queue));
  const deadLetterQueues = new Set(consumers.flatMap((consumer) => consumer.dead_letter_queue ?? []));
  for (const queue of [...list(config.queues?.producers).map((producer) => producer.queue), ...deadLetterQueues]) {
    if (!consumed.has(queue)) faults.push(`queue ${queue} has no consumer`);
  }
  for (const consumer of consumers) {
    const missing = CONSUMER_OPTIONS.filter((option) => consumer[option] === undefined);
    // A dead-letter queue is the end of the road; every other one must say where its failures go.
    if (!deadLetterQueues.has(consumer.queue) && consumer.dead_letter_queue === undefined)
      missing.push("dead_letter_queue");
    if (missing.length > 0) faults.push(`the consumer of ${consumer.queue} leaves to defaults: ${missing.join(", ")}`);
  }
  return faults;
}
