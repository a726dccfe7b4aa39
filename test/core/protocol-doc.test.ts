import { describe, expect, it } from "vitest";
import { checkCustomHeaders } from "../../src/core/custom-headers.ts";
import { PROBLEMS } from "../../src/core/errors.ts";
import { compileFilter, parseFilter } from "../../src/core/filter.ts";
import { OPERATOR_NAMES } from "../../src/core/filter-pattern.ts";
import * as limits from "../../src/core/limits.ts";
import { requestHeaders } from "../../src/core/request-headers.ts";
import { compileTypePatterns } from "../../src/core/type-pattern.ts";
import { routes } from "../../src/http/routes.ts";
import { SubscriptionDocument } from "../../src/http/subscription-schema.ts";
import { validate } from "../../src/http/validate.ts";
import type { AttemptErrorCode, DeadReason, DeliveryState, Send } from "../../src/subscription/rpc.ts";
import { code, names, rowsOf, text } from "../support/protocol-doc.ts";
import { sendOf } from "../support/send.ts";

const LINE_MAX_CHARACTERS = 140;

it("has lines that fit a screen", () => {
  const long = text.split("\n").filter((line) => line.length > LINE_MAX_CHARACTERS);
  expect(long).toEqual([]);
});

describe("the limits", () => {
  const BYTES = { bytes: 1, KiB: 1024, MiB: 1024 ** 2, GB: 1e9 };
  const DAY_MS = 86_400_000;
  const TIME_MS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, day: DAY_MS, days: DAY_MS };

  /** `12 KiB`, `1,000` or `24 h` as a number in the unit that the constant's name ends with. */
  function amount(name: string, cell: string): number {
    const [, digits = "", unit = ""] = /^([\d.,]+)(?: (\w+))?$/.exec(cell) ?? [];
    const value = Number(digits.replaceAll(",", ""));
    const factor = (units: Readonly<Record<string, number>>) => units[unit] ?? Number.NaN;
    if (name.endsWith("_BYTES")) return value * factor(BYTES);
    if (name.endsWith("_MS")) return value * factor(TIME_MS);
    if (name.endsWith("_SECONDS")) return (value * factor(TIME_MS)) / 1000;
    if (name.endsWith("_DAYS")) return (value * factor(TIME_MS)) / DAY_MS;
    return value * factor(name.endsWith("_CHARACTERS") ? { characters: 1 } : { "": 1 });
  }

  const rows = rowsOf("limit", "value", "why");

  it("are all there, once", () => {
    expect(names(rows).toSorted()).toEqual(Object.keys(limits).toSorted());
  });

  it.each(Object.entries(limits))("%s has its value and a reason", (name, value) => {
    const [, cell = "", why = ""] = rows.find(([first]) => first === `\`${name}\``) ?? [];
    const amounts = cell.split(", ").map((part) => amount(name, part));
    expect(typeof value === "number" ? amounts : [amounts]).toEqual([value]);
    expect(why).not.toBe("");
  });

  it("are called by names they have", () => {
    const called = [...text.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`/g)].map(([, name = ""]) => name);
    const variables = names(rowsOf("variable", "kind", "rule"));
    const known = new Set([...Object.keys(limits), ...variables]);
    expect(called.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("the tables", () => {
  it("of problems: code, status and title of each, in order", () => {
    const rows = rowsOf("code", "status", "title", "when").map(([id = "", status, title]) => [code(id), status, title]);
    expect(rows).toEqual(Object.entries(PROBLEMS).map(([id, { status, title }]) => [id, String(status), title]));
  });

  it("of routes: each, with its scope", () => {
    const written = rowsOf("route", "scope", "clause").map(([route = "", scope]) => `${code(route)} ${scope}`);
    const real = routes.map(({ method, path, scope }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")} ${scope}`);
    expect(written.toSorted()).toEqual(real.toSorted());
    const clauses = new Set([...text.matchAll(/^\*\*(\d+\.\d+)/gm)].map(([, clause]) => clause));
    const cited = rowsOf("route", "scope", "clause").map(([, , clause = ""]) => clause);
    expect(cited.filter((clause) => !clauses.has(clause))).toEqual([]);
  });

  it("of the query members of a log", () => {
    const route = routes.find(({ method, path }) => method === "GET" && path === "/v1/topics/:topic/events");
    expect(names(rowsOf("query member", "meaning")).toSorted()).toEqual(route?.query?.toSorted());
  });

  it.each(rowsOf("pattern", "type", "matches"))("of type patterns: %s on %s: %s", (pattern, type, matches) => {
    expect(compileTypePatterns([code(pattern ?? "")])(code(type ?? ""))).toBe(matches === "yes");
  });

  it("of operators: all there are", () => {
    const written = names(rowsOf("operator", "operand", "holds when the value is there and"));
    expect([...new Set(written)]).toEqual(OPERATOR_NAMES);
  });

  it.each(rowsOf("match", "data", "matches"))("of matches: %s on %s: %s", (match, data, matches) => {
    const filter = parseFilter({ match: JSON.parse(code(match ?? "")) });
    const event = { type: "a", key: null, source: null, subject: null, data: () => JSON.parse(code(data ?? "")) };
    expect(filter.ok && compileFilter(filter.value)(event)).toBe(matches === "yes");
  });

  it("of states, error codes and reasons: all there are", () => {
    const states: Record<DeliveryState, true> = {
      ...{ pending: true, delivering: true, retrying: true, held: true, delivered: true, dead: true, cancelled: true },
    };
    const codes: Record<AttemptErrorCode, true> = {
      ...{ timeout: true, dns: true, connection: true, tls: true, reset: true },
      ...{ status: true, redirect: true, denied: true, response: true },
    };
    const reasons: Record<DeadReason, true> = { exhausted: true, aborted: true, expired: true };
    expect(names(rowsOf("state", "meaning"))).toEqual(Object.keys(states));
    expect(names(rowsOf("code", "meaning"))).toEqual(Object.keys(codes));
    expect(names(rowsOf("reason", "why"))).toEqual(Object.keys(reasons));
  });

  it("of delivery headers: those that are sent", () => {
    const sentWith = (send: Send) =>
      requestHeaders({
        ...{ send, target: { id: "sub_1", topic: "orders", webhookOrigin: "gateway.example" } },
        ...{ version: "0.1.0", timestampSeconds: 1, contentType: "application/json" },
      });
    const alone = sendOf({ key: "customer-7" });
    const sent = { ...sentWith(alone), ...sentWith({ ...alone, batch: { id: "bat_1", events: [alone.event] } }) };
    const written = names(rowsOf("header", "value"));
    expect(written.toSorted()).toEqual([...Object.keys(sent), "webhook-signature"].toSorted());
  });

  it("of a subscription's defaults", () => {
    const document = validate(SubscriptionDocument, { topic: "orders", url: "https://example.com/" });
    if (!document.ok) throw new Error(document.error.detail);
    const defaults = new Map<string, unknown>(Object.entries(document.value));
    const retry = new Map<string, unknown>(Object.entries(document.value.retry));
    const rows = rowsOf("member", "default", "rule");
    for (const [name = "", value = ""] of rows.map((row) => row.map(code))) {
      const [, inRetry] = name.split("retry.");
      const real = inRetry === undefined ? defaults.get(name) : retry.get(inRetry);
      if (["topic", "url", "name", "filter", "secret"].includes(name)) continue;
      expect(`${name} ${value}`).toBe(`${name} ${JSON.stringify(real)}`);
    }
    const later = names(rowsOf("member", "value", "clause"));
    const written = [...names(rows).map((name) => name.replace(/\..*/, "")), ...later];
    const known = Object.keys(SubscriptionDocument.pipe[2].entries);
    expect(known.filter((name) => !written.includes(name))).toEqual([]);
  });
});

it("names the headers that cannot be chosen", () => {
  const [, list = ""] = /These\scannot\sbe\schosen\s\(422\):\n\n([\s\S]*?)\n\n/.exec(text) ?? [];
  const reserved = [...list.matchAll(/`([a-z-]+)`/g)].map(([, name = ""]) => (name.endsWith("-") ? `${name}x` : name));
  expect(reserved.length).toBeGreaterThan(10);
  expect(reserved.filter((name) => checkCustomHeaders({ [name]: "x" }).ok)).toEqual([]);
});
