import { err, ok } from "../core/result.ts";
import { demoIsOff, demoIsOn, demoReceive, setDemoReceiver } from "../demo/receivers.ts";
import { seedDemo } from "../demo/seed.ts";
import { calling } from "../rpc/objects.ts";
import { jsonAnswer, textAnswer } from "./answer.ts";
import { readJson } from "./body.ts";
import { type Answer, type Call, ownUrl } from "./call.ts";
import { requireNoDocument } from "./documents.ts";
import { parameter } from "./path.ts";
import { anyString, members, validate } from "./validate.ts";

const ReceiverDocument = members({ mode: anyString });

/** `POST /v1/demo`: makes the demo, or what is missing of it. 404 where private targets are not allowed. */
export async function postDemo(call: Call): Promise<Answer> {
  const body = await requireNoDocument(call.request);
  if (!body.ok) return body;
  const seeded = await calling(() => seedDemo(call.env, call.tenant, ownUrl(call).origin));
  return seeded.ok ? ok(jsonAnswer(seeded.value)) : seeded;
}

/** `PUT /v1/demo/receivers/{name}`: how a receiver answers from now on. */
export async function putDemoReceiver(call: Call): Promise<Answer> {
  if (!demoIsOn(call.env)) return err(demoIsOff());
  const body = await readJson(call.request);
  if (!body.ok) return body;
  const document = validate(ReceiverDocument, body.value);
  if (!document.ok) return document;
  const name = parameter(call, "receiver") ?? "";
  const set = await calling(() => setDemoReceiver(call.env, call.tenant, name, document.value.mode));
  return set.ok ? ok(jsonAnswer({ name, mode: document.value.mode })) : set;
}

/** `POST /demo/receivers/{name}`: the demo's subscribers, which the gateway reaches like any other. */
export async function postDemoReceiver(call: Call): Promise<Answer> {
  const { status, body } = await demoReceive(call.request, call.env, parameter(call, "receiver") ?? "");
  return ok(textAnswer(`${body}\n`, status));
}
