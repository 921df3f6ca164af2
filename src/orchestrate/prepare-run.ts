import type { StandardSchemaV1 } from "@standard-schema/spec";
import { acceptOptions } from "../contract/accept-options.ts";
import type { BundleToolOptions } from "../contract/bundle-options.ts";
import {
  automaticKey,
  type OrchestrationConfig,
  orchestrationConfig,
  type ResolvedOrchestrationConfig,
} from "../contract/config.ts";
import { type EnclosingWork, enclosingWork } from "../contract/enclosing-work.ts";
import { ToolNotFoundError } from "../contract/errors.ts";
import type { EventManager, OrchestrationEvent } from "../contract/event.ts";
import { optionPlaces } from "../contract/option-places.ts";
import type { AnyTool, ToolRegistry } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { snapshot } from "../core/canonical.ts";
import { InvalidOptionsError, messageOf, type OptionIssue, showValue } from "../core/errors.ts";
import { collectOptions, resolveOptions, unknownOption } from "../core/options.ts";
import { createId } from "../core/random.ts";
import { CancelScope } from "../core/signal.ts";
import { activeTraceId } from "../telemetry/opentelemetry.ts";
import { AgentsTool } from "../tool/agents-tool.ts";
import { assertTool } from "../tool/registry.ts";
import type { JobTry } from "./job/job-input.ts";
import type { Outcome } from "./job/verdict.ts";
import { RunEvents, type RunIdentity } from "./run-events.ts";
import type { ResolvedSettings } from "./settings.ts";

/** A run as it stands when it was asked for: nothing of it has been done yet. */
export interface PreparedRun extends RunIdentity {
  readonly input: RunInput;
  readonly settings: ResolvedSettings;
  readonly startedAtMs: number;
  /** Aborts when this caller leaves, with the error that the run is then to reject with. */
  readonly callerScope: CancelScope;
  /** Try of a job's input that this run is. */
  readonly jobTry?: JobTry | undefined;
  /** Returns true of an outcome after which the queue tries the run again: its event log then gets no end. */
  readonly goesOn?: ((outcome: Outcome) => boolean) | undefined;
  /** Attempt of another run whose code has asked for this one. */
  readonly around: EnclosingWork | "over" | undefined;
  readonly events: RunEvents;
}

export function prepareRun(input: RunInput, settings: ResolvedSettings, jobTry?: JobTry | undefined): PreparedRun {
  const { options, eventManager, onEvent } = input;
  const { clock, random } = settings;
  const requestId = options.requestId ?? createId(random);
  const traceId = options.traceId ?? activeTraceId() ?? requestId;
  return {
    requestId,
    traceId,
    input,
    settings,
    startedAtMs: clock.now(),
    callerScope: new CancelScope(),
    jobTry,
    around: enclosingWork(),
    events: new RunEvents({ requestId, traceId }, clock, { eventManager, onEvent, redact: options.redact }),
  };
}

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

/** A run's input: checked, copied and frozen. The caller's objects are never touched again. */
export interface RunInput {
  readonly request: unknown;
  /** Absent where a planner is to choose. */
  readonly tool: AnyTool | undefined;
  /** As the caller gave them. */
  readonly toolOptions: Readonly<Record<string, unknown>> | undefined;
  /** The same with the defaults of the tool; absent where a planner is to choose one. */
  readonly resolvedOptions: object | undefined;
  readonly options: ResolvedOrchestrationConfig;
  readonly fallbackTools: readonly AnyTool[];
  readonly agents: unknown;
  readonly eventManager: EventManager | undefined;
  readonly onEvent: ((event: OrchestrationEvent) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Differences between the input of a basic and a reliable orchestrator, and of one run and many. */
export interface InputRules {
  readonly registry: ToolRegistry<any>;
  readonly defaultOptions: OrchestrationConfig | undefined;
  /** True of an orchestrator that plans, falls back and keeps keys. */
  readonly isReliable: boolean;
  /** True of the parameters of `runMany`. */
  readonly isMany: boolean;
}

const defaults = resolveOptions(orchestrationConfig, undefined);

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

/**
 * Checks everything that a caller gave for a run, once.
 *
 * @throws InvalidOptionsError naming every fault, or ToolNotFoundError; nothing has run
 */
export function checkRunInput(given: GivenRun, rules: InputRules): RunInput {
  if (!isObject(given)) {
    throw new InvalidOptionsError([{ path: "run", given, allowed: "an object such as { tool, request }" }]);
  }
  if (typeof (given as { execute?: unknown }).execute === "function") {
    const request = rules.isMany ? "requests" : "request";
    const message = `The tool "${String((given as { name?: unknown }).name)}" stands alone. Put it into one object: { tool, ${request} }.`;
    throw new InvalidOptionsError([{ path: "run", given, allowed: `{ tool, ${request} }`, message }]);
  }
  const issues: OptionIssue[] = [];
  checkParams(given, rules.isMany ? runManyParams : runParams, issues);
  const asked = mergeOptions(rules.defaultOptions, given.options);
  const options = asked === undefined ? defaults : collectOptions(orchestrationConfig, asked, "options", issues);
  if (!rules.isReliable) checkBasic(given, options, issues);
  else if (options?.review && options.idempotencyKey === undefined) {
    const message =
      'options.review keeps a run for a person under its key, and there is none. Give options.idempotencyKey, "auto" say.';
    issues.push({ path: "options.review", given: options.review, allowed: "nothing without idempotencyKey", message });
  }
  if (rules.isMany) checkManyParams(given, options, issues);
  if (rules.isMany) checkAccept(given, issues);
  if (issues.length > 0 || !options) throw new InvalidOptionsError(issues);

  const tool = chooseTool(given, rules);
  const toolOptions = snapshot(given.toolOptions as Record<string, unknown> | undefined, "toolOptions");
  return Object.freeze({
    request: snapshot(given.request, "request"),
    tool,
    toolOptions,
    resolvedOptions: tool && resolveToolOptions(tool, toolOptions),
    options: { ...options, metadata: options.metadata && jsonCopy(options.metadata, "options.metadata") },
    fallbackTools: ((given.fallbackTools ?? []) as (string | AnyTool)[]).map((fallback, index) =>
      typeof fallback === "string" ? find(fallback, rules.registry) : toolAt(fallback, `fallbackTools[${index}]`),
    ),
    agents: snapshot(given.agents, "agents"),
    eventManager: given.eventManager as EventManager | undefined,
    onEvent: given.onEvent as RunInput["onEvent"],
    signal: given.signal as AbortSignal | undefined,
  });
}

/**
 * A tool's options with its defaults filled in.
 *
 * @throws InvalidOptionsError
 */
export function resolveToolOptions(tool: AnyTool, given: Readonly<Record<string, unknown>> | undefined): object {
  return tool.resolveOptions?.(given as BundleToolOptions | undefined) ?? { ...tool.defaultOptions, ...given };
}

/** Ceilings of a run. `timeoutMs` and `budget.timeMs` are one deadline: the earlier of the two. */
export function limitsOf({ budget, timeoutMs }: ResolvedOrchestrationConfig): Budget {
  const timeMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, budget?.timeMs ?? Number.POSITIVE_INFINITY);
  return timeMs === Number.POSITIVE_INFINITY ? { ...budget } : { ...budget, timeMs };
}

function checkParams(given: GivenRun, known: readonly string[], issues: OptionIssue[]): void {
  const what = `a parameter of ${known === runParams ? "run" : "runMany"}`;
  // Of several places that an option has, a run's own come first.
  const elsewhere = optionPlaces.toSorted(([a], [b]) => Number(b === "options") - Number(a === "options"));
  for (const name of Object.keys(given) as (keyof GivenRun)[]) {
    if (!known.includes(name)) issues.push(unknownOption(name, name, given[name], { what, known, elsewhere }));
  }
  check(given.toolOptions, isObject, "toolOptions", "an object of the tool's options", issues);
  check(given.onEvent, isFunction, "onEvent", "a function of an event", issues);
  check(given.signal, isSignal, "signal", "an AbortSignal", issues);
  check(given.eventManager, hasDeliver, "eventManager", "an EventManager", issues);
  check(given.agents, Array.isArray, "agents", "a list of { name, prompt, model }", issues);
  check(given.fallbackTools, Array.isArray, "fallbackTools", "a list of tools or of their names", issues);
  const choices = [given.tool, given.toolName, given.agents].filter((choice) => choice !== undefined);
  if (choices.length > 1)
    issues.push({
      path: "tool",
      given: "more than one",
      allowed: "one of tool, toolName and agents",
      message: "A run takes one of tool, toolName and agents, and got more than one.",
    });
}

function checkBasic(
  given: GivenRun,
  options: { idempotencyKey?: string | undefined; review?: unknown } | undefined,
  issues: OptionIssue[],
): void {
  for (const [path, value] of [
    ["options.idempotencyKey", options?.idempotencyKey],
    ["options.review", options?.review],
    ["fallbackTools", given.fallbackTools],
    ["giveUpAfterMs", given.giveUpAfterMs],
    ["accept", given.accept],
    ["verifier", given.verifier],
    ["secondModel", given.secondModel],
  ] as const) {
    const message = `${path} needs a ReliableOrchestrator, which has the same run() and runMany(). Use one, or leave ${path} out.`;
    if (value !== undefined) issues.push({ path, given: value, allowed: "nothing", message });
  }
  if (given.tool === undefined && given.toolName === undefined && given.agents === undefined) {
    const message =
      "No tool is named. Pass tool or toolName, or use a ReliableOrchestrator, which chooses one by itself.";
    issues.push({ path: "toolName", given: undefined, allowed: "a tool, or its name", message });
  }
}

function chooseTool(given: GivenRun, { registry }: InputRules): AnyTool | undefined {
  if (given.agents !== undefined) return new AgentsTool(given.agents as any);
  if (given.tool !== undefined) return toolAt(given.tool, "tool");
  return given.toolName === undefined ? undefined : find(given.toolName as string, registry);
}

function find(name: string, registry: ToolRegistry<any>): AnyTool {
  const tool = registry.get(name);
  if (!tool) throw new ToolNotFoundError(String(name), Object.keys(registry.list()));
  return tool;
}

function toolAt(tool: unknown, path: string): AnyTool {
  assertTool(tool, path);
  return tool;
}

function jsonCopy<T>(value: T, path: string): T {
  const copy = snapshot(value, path);
  try {
    return JSON.parse(JSON.stringify(copy));
  } catch (error) {
    const message = `${path} is not an object of JSON values: ${messageOf(error)}. Give plain JSON data.`;
    throw new InvalidOptionsError([{ path, given: value, allowed: "an object of JSON values", message }]);
  }
}

/** Part by part: a run that limits its tokens keeps the ceiling in dollars that is the default. */
function mergeOptions(defaults: unknown, given: unknown): unknown {
  if (given === undefined) return defaults;
  if (!isObject(defaults) || !isObject(given)) return given;
  const merged: Record<string, unknown> = { ...(defaults as object) };
  for (const [name, value] of Object.entries(given as object)) merged[name] = mergeOptions(merged[name], value);
  return merged;
}

function check(
  value: unknown,
  fits: (value: unknown) => boolean,
  path: string,
  allowed: string,
  issues: OptionIssue[],
): void {
  if (value !== undefined && !fits(value)) issues.push({ path, given: value, allowed });
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const isFunction = (value: unknown) => typeof value === "function";
const isSignal = (value: unknown) => typeof (value as AbortSignal | null)?.addEventListener === "function";
const hasDeliver = (value: unknown) => typeof (value as EventManager | null)?.deliver === "function";

/** Options that would make every run but one a conflict, or two runs indistinguishable. */
const perRunOptions = ["idempotencyKey", "requestId"] as const;

/** Checks what only `runMany` takes, and that nothing is there which only one run can have. */
function checkManyParams(
  { requests, concurrency, giveUpAfterMs }: Pick<GivenRun, "requests" | "concurrency" | "giveUpAfterMs">,
  options: Partial<ResolvedOrchestrationConfig> | undefined,
  issues: OptionIssue[],
): void {
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
}

/** Checks what answers are accepted by, and that there is one tool whose answers they are. */
function checkAccept(given: GivenRun, issues: OptionIssue[]): void {
  const { accept, verifier, secondModel, tool, toolName } = given;
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
}

function isModel(value: unknown): boolean {
  return typeof value === "string" ? value.includes(":") : typeof (value as any)?.doGenerate === "function";
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/**
 * A request as its tool wants it: checked, and transformed, by the tool's `inputSchema`; frozen, as the caller's is, since
 * all attempts and replicates share it.
 *
 * @throws InvalidOptionsError naming every fault of the request
 */
export async function acceptRequest(tool: AnyTool, request: unknown): Promise<unknown> {
  if (!tool.inputSchema) return request;
  const result = await tool.inputSchema["~standard"].validate(request);
  if (!result.issues) return snapshot(result.value, "request");
  throw new InvalidOptionsError(
    result.issues.map((issue) => {
      const keys = (issue.path ?? []).map(keyOf);
      const path = ["request", ...keys].join(".");
      const given = valueAt(request, keys);
      const message = `${path} does not fit the tool's inputSchema: got ${showValue(given)}. ${issue.message}`;
      return { path, given, allowed: issue.message, message };
    }),
  );
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof segment === "object" ? segment.key : segment;
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<any>((at, key) => at?.[key], value);
}
