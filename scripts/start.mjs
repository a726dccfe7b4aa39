/**
 * `npm start`: installs what is missing, builds, starts the gateway, shows how to use it and then each delivery.
 * Options (after `--`): --port, --persist-to, --verbose. Runs on the machine's own Node (20 or newer).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureDevVars } from "./dev-vars.mjs";
import { ensureInstalled } from "./ensure-installed.mjs";
import { deliveryLine, paint, parseDeliveries } from "./gateway/deliveries.mjs";
import { installed, ROOT, toolEnvironment } from "./gateway/environment.mjs";
import { ask, rootKey } from "./gateway/http.mjs";
import { holdState, refuseStateInUse } from "./gateway/lock.mjs";
import { Explained, runMain } from "./gateway/main.mjs";
import { freePort } from "./gateway/port.mjs";
import { Supervisor } from "./gateway/supervisor.mjs";

const DEFAULT_PORT = 8787;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, "persist-to": { type: "string" }, verbose: { type: "boolean" } },
    });
    const port = Number(values.port ?? DEFAULT_PORT);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("--port takes a number from 1 to 65535.");
    const stateDirectory = resolve(ROOT, values["persist-to"] ?? ".sluice");
    return { port, stateDirectory, verbose: values.verbose === true };
  } catch (error) {
    throw new Explained(`${error.message}\nUsage: npm start -- [--port 8787] [--persist-to .sluice] [--verbose]`);
  }
}

function build() {
  const { status } = spawnSync(installed("node"), [join(ROOT, "scripts", "build.mjs")], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: toolEnvironment(),
  });
  if (status !== 0) throw new Explained("The dashboard could not be built; the message is above.");
}

/**
 * Seeds the demo the first time, and again when the port is another one: its receivers are reached under the gateway's
 * own origin. Not at every start, so that a demo somebody has deleted stays away.
 */
async function seedDemo({ origin, key, stateDirectory }) {
  const mark = join(stateDirectory, "demo-origin");
  if (existsSync(mark) && readFileSync(mark, "utf8") === origin) return;
  const { status, body } = await ask(origin, key, "POST", "/v1/demo");
  if (status >= 200 && status < 300) writeFileSync(mark, origin);
  else console.error(paint("yellow", `The demo could not be seeded: ${body?.detail ?? `status ${status}`}`));
}

function printWelcome({ origin, key, stateDirectory }) {
  const headers = `-H 'authorization: Bearer ${key}' -H 'content-type: application/json'`;
  const event = `'{"type":"order.created","key":"customer-7","data":{"amount":42}}'`;
  const hook = `'{"topic":"orders","url":"http://localhost:3000/hook"}'`;
  console.log(`
${paint("bold", "Sluice is running.")} Ctrl-C ends it; the next start goes on where it was.

  Dashboard   ${paint("cyan", `${origin}/#key=${encodeURIComponent(key)}`)}
  Root key    ${key}   (of .dev.vars)
  State       ${stateDirectory}   (delete it to begin anew)

${paint("bold", "Publish an event")}
curl ${origin}/v1/topics/orders/events ${headers} -d ${event}

${paint("bold", "Subscribe a receiver of your own")} (any HTTP server on port 3000)
curl -X PUT ${origin}/v1/subscriptions/my-hook ${headers} -d ${hook}

${paint("bold", "Deliveries")}`);
}

/** Prints deliveries under the names of their subscriptions, which the log lines do not carry. */
function deliveryPrinter(origin, key) {
  const names = new Map();
  const nameOf = async ({ tenant, subscription }) => {
    // Of another tenant: the root key would have to ask on its behalf, and an id says it as well.
    if (tenant !== "default") return `${tenant}/${subscription}`;
    const { body } = await ask(origin, key, "GET", `/v1/subscriptions/${subscription}`);
    return typeof body?.name === "string" ? body.name : subscription;
  };
  let printed = Promise.resolve();
  return (delivery) => {
    const time = new Date();
    const { subscription } = delivery;
    if (!names.has(subscription)) names.set(subscription, nameOf(delivery));
    // One after the other: a name that is still being asked for must not change the order of the lines.
    printed = printed.then(async () => console.log(deliveryLine(delivery, await names.get(subscription), time)));
  };
}

async function main() {
  const options = readOptions();
  ensureInstalled();
  ensureDevVars();
  build();
  const { stateDirectory, verbose } = options;
  await refuseStateInUse(stateDirectory);
  const port = await freePort(options.port);
  if (port !== options.port) console.log(`Port ${options.port} is busy; using ${port}.`);
  const origin = `http://localhost:${port}`;
  const key = rootKey();
  mkdirSync(stateDirectory, { recursive: true });
  const release = holdState(stateDirectory, origin);

  const printDelivery = deliveryPrinter(origin, key);
  let welcomed = false;
  const supervisor = new Supervisor({
    origin,
    port,
    stateDirectory,
    onUp: async () => {
      if (welcomed) return console.log(paint("green", "Sluice is running again."));
      welcomed = true;
      printWelcome({ origin, key, stateDirectory });
      await seedDemo({ origin, key, stateDirectory });
    },
    onDown: () =>
      console.error(paint("yellow", "The gateway ended by itself; starting it again on the same state ...")),
    onLine: (line) => {
      if (verbose) console.log(paint("dim", line));
      for (const delivery of parseDeliveries(line)) printDelivery(delivery);
    },
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => supervisor.stop());
  console.log("Starting the gateway ...");
  await supervisor.run().finally(release);
  console.log("\nStopped. Everything is kept in", stateDirectory);
}

await runMain(main);
