import { acceptOptions } from "../contract/accept-options.ts";
import { automaticKey, type ResolvedOrchestrationConfig } from "../contract/config.ts";
import type { EventManager } from "../contract/event.ts";
import { optionPlaces } from "../contract/option-places.ts";
import type { OptionIssue } from "../core/errors.ts";
import { collectOptions, unknownOption } from "../core/options.ts";

/** Parameters of `run`, `stream` and `runMany`, unchecked. */
export interface GivenRun {
  readonly request?: unknown;
  readonly requests?: unknown;
  readonly concurrency?: unknown;
  readonly giveUpAfterMs?: unknown;
  readonly accept?: unknown;
  readonly verifier?: unknown;
  readonly secondModel?: unknown;
  readonly tool?: unknown;
  readonly toolName?: unknown;
  readonly toolOptions?: unknown;
  readonly options?: unknown;
  readonly agents?: unknown;
  readonly fallbackTools?: unknown;
  readonly eventManager?: unknown;
  readonly onEvent?: unknown;
  readonly signal?: unknown;
}

/** Options of a run as far as they were readable. */
type ReadOptions = Partial<ResolvedOrchestrationConfig> | undefined;

const runParams = [
  "request",
  "tool",
  "toolName",
  "toolOptions",
  "options",
  "agents",
  "fallbackTools",
  "eventManager",
  "onEvent",
  "signal",
] as const;
const runManyParams = [
  "requests",
  "concurrency",
  "giveUpAfterMs",
  "accept",
  "verifier",
  "secondModel",
  ...runParams.filter((name) => name !== "request"),
] as const;

interface ParamRule {
  readonly name: keyof GivenRun;
  readonly allowed: string;
  fits(value: unknown): boolean;
}

/** Checks of parameters that `run` and `runMany` share. */
const paramRules: readonly ParamRule[] = [
  { name: "toolOptions", fits: isPlainObject, allowed: "an object of the tool's options" },
  { name: "onEvent", fits: isFunction, allowed: "a function of an event" },
  { name: "signal", fits: isSignal, allowed: "an AbortSignal" },
  { name: "eventManager", fits: hasDeliver, allowed: "an EventManager" },
  { name: "agents", fits: Array.isArray, allowed: "a list of { name, prompt, model }" },
  { name: "fallbackTools", fits: Array.isArray, allowed: "a list of tools or of their names" },
];

/** Places of options: of several that one has, a run's own come first. */
const elsewhere = optionPlaces.toSorted(([a], [b]) => Number(b === "options") - Number(a === "options"));

/** Names each parameter that is unknown or of a wrong type, and more than one choice of a tool. */
export function faultsInParams(given: GivenRun, { isMany }: { readonly isMany: boolean }): OptionIssue[] {
  const known: readonly string[] = isMany ? runManyParams : runParams;
  const what = `a parameter of ${isMany ? "runMany" : "run"}`;
  const unknown = (Object.keys(given) as (keyof GivenRun)[]).filter((name) => !known.includes(name));
  const issues = unknown.map((name) => unknownOption(name, name, given[name], { what, known, elsewhere }));
  for (const { name, fits, allowed } of paramRules) {
    const value = given[name];
    if (value !== undefined && !fits(value)) issues.push({ path: name, given: value, allowed });
  }
  const choices = [given.tool, given.toolName, given.agents].filter((choice) => choice !== undefined);
  if (choices.length > 1)
    issues.push({
      path: "tool",
      given: "more than one",
      allowed: "one of tool, toolName and agents",
      message: "A run takes one of tool, toolName and agents, and got more than one.",
    });
  return issues;
}

/** Names what the orchestrator, or the kind of call, does not take: each is fine by itself. */
export function faultsInUse(
  given: GivenRun,
  options: ReadOptions,
  { isReliable, isMany }: { readonly isReliable: boolean; readonly isMany: boolean },
): OptionIssue[] {
  const issues = isReliable ? faultsInReview(options) : faultsInBasic(given, options);
  return isMany ? [...issues, ...faultsInMany(given, options), ...faultsInAccept(given)] : issues;
}

function faultsInReview(options: ReadOptions): OptionIssue[] {
  if (!options?.review || options.idempotencyKey !== undefined) return [];
  const message =
    'options.review keeps a run for a person under its key, and there is none. Give options.idempotencyKey, "auto" say.';
  return [{ path: "options.review", given: options.review, allowed: "nothing without idempotencyKey", message }];
}

/** Names what only a `ReliableOrchestrator` takes. */
function faultsInBasic(given: GivenRun, options: ReadOptions): OptionIssue[] {
  const ofReliable = {
    "options.idempotencyKey": options?.idempotencyKey,
    "options.review": options?.review,
    fallbackTools: given.fallbackTools,
    giveUpAfterMs: given.giveUpAfterMs,
    accept: given.accept,
    verifier: given.verifier,
    secondModel: given.secondModel,
  };
  const issues: OptionIssue[] = [];
  for (const [path, value] of Object.entries(ofReliable)) {
    if (value === undefined) continue;
    const message = `${path} needs a ReliableOrchestrator, which has the same run() and runMany(). Use one, or leave ${path} out.`;
    issues.push({ path, given: value, allowed: "nothing", message });
  }
  if (given.tool === undefined && given.toolName === undefined && given.agents === undefined) {
    const message =
      "No tool is named. Pass tool or toolName, or use a ReliableOrchestrator, which chooses one by itself.";
    issues.push({ path: "toolName", given: undefined, allowed: "a tool, or its name", message });
  }
  return issues;
}

/** Options that would make every run but one a conflict, or two runs indistinguishable. */
const perRunOptions = ["idempotencyKey", "requestId"] as const;

/** Checks what only `runMany` takes, and that nothing is given which only one run can have. */
function faultsInMany({ requests, concurrency, giveUpAfterMs }: GivenRun, options: ReadOptions): OptionIssue[] {
  const issues: OptionIssue[] = [];
  if (!isIterable(requests))
    issues.push({ path: "requests", given: requests, allowed: "an iterable or async iterable of requests" });
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && (concurrency as number) >= 1))
    issues.push({ path: "concurrency", given: concurrency, allowed: "a whole number of at least 1" });
  if (giveUpAfterMs !== undefined && !(typeof giveUpAfterMs === "number" && giveUpAfterMs >= 0))
    issues.push({ path: "giveUpAfterMs", given: giveUpAfterMs, allowed: "a number of milliseconds of at least 0" });
  for (const name of perRunOptions) {
    if (options?.[name] === undefined || (name === "idempotencyKey" && options[name] === automaticKey)) continue;
    const message = `options.${name} is for a single run, not for runMany. Call run() for each request.`;
    issues.push({ path: `options.${name}`, given: options[name], allowed: "nothing", message });
  }
  return issues;
}

/** Checks the terms on which answers are accepted, and that one tool gives those answers. */
function faultsInAccept({ accept, verifier, secondModel, tool, toolName }: GivenRun): OptionIssue[] {
  const issues: OptionIssue[] = [];
  if (accept !== undefined) collectOptions(acceptOptions, accept, "accept", issues);
  if (accept !== undefined && tool === undefined && toolName === undefined) {
    const message = "accept needs the tool whose answers are accepted. Give tool or toolName beside it.";
    issues.push({ path: "accept", given: accept, allowed: "nothing without tool or toolName", message });
  }
  for (const [path, value] of Object.entries({ verifier, secondModel })) {
    if (value === undefined) continue;
    const message = `${path} says which answers are right, for accept. Give accept: { precision: 0.95 }, say, beside it.`;
    if (accept === undefined) issues.push({ path, given: value, allowed: "nothing without accept", message });
    else if (!(isModel(value) || (path === "verifier" && value === true)))
      issues.push({ path, given: value, allowed: 'a model, such as "openai:gpt-5-mini"' });
  }
  return issues;
}

/** Returns true of an object that is not a list. */
export function isPlainObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isSignal(value: unknown): boolean {
  return typeof (value as AbortSignal | null)?.addEventListener === "function";
}

function hasDeliver(value: unknown): boolean {
  return typeof (value as EventManager | null)?.deliver === "function";
}

function isModel(value: unknown): boolean {
  return typeof value === "string" ? value.includes(":") : typeof (value as any)?.doGenerate === "function";
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
