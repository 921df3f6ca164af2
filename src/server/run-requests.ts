import * as v from "valibot";
import { optionPlaces } from "../contract/option-places.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import type { JSONValue } from "../core/json.ts";
import { checkedBy, declareOptions, listOf, resolveOptions, text, unknownOption } from "../core/options.ts";
import { type LogFilter, type LoggedStatus, loggedStatuses } from "../store/log/event-log.ts";
import type { Caller } from "./access.ts";
import { prefixOf } from "./client-view.ts";
import type { AskedRun } from "./live-runs.ts";
import type { ServedTools } from "./served-tools.ts";

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

/** Body of `POST /v1/runs`. */
export const runBody = declareOptions(
  "RunBody",
  "body",
  {
    /** Name of the tool that runs. */
    toolName: text("the name of a tool; GET /v1/tools lists them"),
    /** Request that the tool is given. */
    request: v.optional(v.unknown()),
    /** Options of the tool; of a bundle tool `k`, `stopping` and the like. */
    toolOptions: v.optional(checkedBy<Record<string, unknown>>(isObject, "an object of the tool's options")),
    /** Options of the run: its deadline, its budget. */
    options: v.optional(checkedBy<Record<string, unknown>>(isObject, "an object of run options")),
    /** Names of tools to try in turn where the first fails. */
    fallbackTools: v.optional(listOf(text("the name of a tool"), "a list of names of tools")),
  },
  optionPlaces,
);

/** Body of `POST /v1/runs/:id/feedback`. */
export const feedbackBody = declareOptions("FeedbackBody", "body", {
  /** Right or wrong: as a whole, or by JSON pointer. */
  correct: checkedBy<boolean | Record<string, boolean>>(
    (value) => typeof value === "boolean" || isObject(value),
    "true, false, or an object of JSON pointers with true or false",
  ),
});

/** Body of `POST /v1/runs/:id/resolve`: one of the two. */
export const decisionBody = declareOptions("DecisionBody", "body", {
  /** The consensus of the answers is right. */
  accept: v.optional(checkedBy<true>((value) => value === true, "true")),
  /** This is right in its place. */
  consensus: v.optional(checkedBy<JSONValue>(() => true, "JSON")),
});

/**
 * Reads what is to run.
 *
 * @throws InvalidOptionsError, or RequestFault for a tool that the caller may not use
 */
export async function readAsked(body: unknown, tools: ServedTools, caller: Caller): Promise<AskedRun> {
  const { toolName, request, toolOptions, options, fallbackTools } = resolveOptions(runBody, body);
  assertOwn(toolOptions, options);
  assertDistinct(fallbackTools);
  return {
    tool: await tools.find(toolName, request, caller),
    request,
    toolOptions,
    options,
    fallbackTools: fallbackTools && (await Promise.all(fallbackTools.map((name) => tools.find(name, request, caller)))),
  };
}

/**
 * Refuses what a client does not decide: the names of runs and keys, and models that its tool does not name.
 *
 * @throws InvalidOptionsError naming every such option
 */
export function assertOwn(
  toolOptions: Readonly<Record<string, unknown>> | undefined,
  options: Readonly<Record<string, unknown>> | undefined,
): void {
  const issues: OptionIssue[] = [];
  const refuse = (path: string, given: unknown, advice: string) => {
    if (given !== undefined)
      issues.push({ path, given, allowed: "nothing", message: `${path} is not for a request over HTTP. ${advice}` });
  };
  refuse("options.idempotencyKey", options?.["idempotencyKey"], "Send the header Idempotency-Key.");
  refuse("options.requestId", options?.["requestId"], "The service names its runs.");
  refuse("options.redact", options?.["redact"], "The service decides what its log keeps.");
  const traceId = options?.["traceId"];
  // Every event carries it.
  if (typeof traceId === "string" && !/^[\x21-\x7e]{1,128}$/.test(traceId))
    issues.push({ path: "options.traceId", given: traceId, allowed: "1 to 128 visible characters of ASCII" });
  const own = "Let the tool set it, in its defaultOptions.";
  refuse("toolOptions.escalate", toolOptions?.["escalate"], own);
  refuse("toolOptions.schema", toolOptions?.["schema"], "The schema is the tool's own.");
  const compare = toolOptions?.["compare"] as
    | { judge?: unknown; byPath?: Record<string, { judge?: unknown }> }
    | undefined;
  const judges = {
    "": compare?.judge,
    ...Object.fromEntries(Object.entries(compare?.byPath ?? {}).map(([at, one]) => [`.byPath.${at}`, one?.judge])),
  };
  for (const [at, judge] of Object.entries(judges))
    if (judge !== true) refuse(`toolOptions.compare${at}.judge`, judge, own);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

/** A tool that failed fails again: a list of one name without end would only pay for it. */
function assertDistinct(names: readonly string[] = []): void {
  if (new Set(names).size === names.length) return;
  const given = `${names.length} names`;
  const message = "fallbackTools names a tool twice. Name each once.";
  throw new InvalidOptionsError([{ path: "fallbackTools", given, allowed: "names that differ", message }]);
}

/** Longest idempotency key. */
export const longestKey = 255;

/** @throws InvalidOptionsError for a key that is empty or too long */
export function keyIn({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key") ?? undefined;
  if (key === undefined || (key !== "" && key.length <= longestKey)) return key;
  const allowed = `a text of 1 to ${longestKey} characters`;
  throw new InvalidOptionsError([{ path: "Idempotency-Key", given: key, allowed }]);
}

/** Returns true where the client wants no answer but the address of its run (RFC 7240). */
export function prefersAsync({ headers }: Request): boolean {
  return (headers.get("prefer") ?? "").split(",").some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}

/**
 * Reads the number of the last event that a client has, by whichever of its two names it was sent.
 *
 * @returns -1 for a client that has none
 * @throws InvalidOptionsError for what is no number of an event
 */
export function lastSeen(header: string | undefined, after: string | undefined): number {
  const [path, given] = header === undefined ? ["after", after] : ["Last-Event-ID", header];
  if (given === undefined || given === "") return -1;
  if (/^\d{1,15}$/.test(given)) return Number(given);
  throw new InvalidOptionsError([{ path, given, allowed: "the id of an event that was received" }]);
}

/** Most runs in a page. */
export const mostListed = 500;

/** Query of `GET /v1/runs`. */
const runsQuery = {
  what: "a filter of runs",
  known: ["toolName", "status", "key", "atLeast", "below", "limit", "cursor"],
  elsewhere: [],
};

/** @throws InvalidOptionsError naming every parameter that cannot be used */
export function readFilter(query: Record<string, string>, caller: Caller): LogFilter {
  const unknown = Object.keys(query).filter((name) => !runsQuery.known.includes(name));
  const issues = unknown.map((name) => unknownOption(name, name, query[name], runsQuery));
  const number = (name: string, fits: (value: number) => boolean, allowed: string): number | undefined => {
    const given = query[name];
    if (given === undefined) return undefined;
    const value = given.trim() === "" ? Number.NaN : Number(given);
    if (!fits(value)) issues.push({ path: name, given, allowed });
    return value;
  };
  const status = query["status"]?.split(",");
  for (const one of status ?? [])
    if (!(loggedStatuses as readonly string[]).includes(one))
      issues.push({
        path: "status",
        given: one,
        allowed: `one or more of ${loggedStatuses.join(", ")}, with commas between`,
      });
  const isShare = (value: number) => value >= 0 && value <= 1;
  const limit = number(
    "limit",
    (value) => Number.isInteger(value) && value >= 1 && value <= mostListed,
    `a whole number from 1 to ${mostListed}`,
  );
  const atLeast = number("atLeast", isShare, "a number from 0 to 1");
  const below = number("below", isShare, "a number from 0 to 1");
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  const prefix = prefixOf(caller);
  return {
    toolName: query["toolName"],
    status: status as readonly LoggedStatus[] | undefined,
    key: query["key"] === undefined ? undefined : prefix + query["key"],
    atLeast,
    below,
    limit,
    ...(prefix !== "" && { idPrefix: prefix }),
  };
}
