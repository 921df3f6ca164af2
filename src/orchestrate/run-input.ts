import { type OrchestrationConfig, orchestrationConfig, type ResolvedOrchestrationConfig } from "../contract/config.ts";
import { ToolNotFoundError } from "../contract/errors.ts";
import type { EventManager, OrchestrationEvent } from "../contract/event.ts";
import type { AnyTool, ToolRegistry } from "../contract/tool.ts";
import { snapshot } from "../core/canonical.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import { collectOptions, resolveOptions } from "../core/options.ts";
import { AgentsTool } from "../tool/agents-tool.ts";
import { assertTool } from "../tool/registry.ts";
import { faultsInParams, faultsInUse, type GivenRun, isPlainObject } from "./run-params.ts";
import { resolveToolOptions } from "./tool-input.ts";

/** A run's input: checked, copied and frozen. The caller's objects are never touched again. */
export interface RunInput {
  readonly request: unknown;
  /** Absent where a planner is to choose. */
  readonly tool: AnyTool | undefined;
  /** As the caller gave them. */
  readonly toolOptions: Readonly<Record<string, unknown>> | undefined;
  /** Tool options with the defaults of the tool; absent where a planner is to choose one. */
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

/**
 * Checks everything that a caller gave for a run, once.
 *
 * @throws InvalidOptionsError naming every fault, or ToolNotFoundError; nothing has run
 */
export function checkRunInput(given: GivenRun, rules: InputRules): RunInput {
  assertParams(given, rules);
  const options = checkOptions(given, rules);
  const tool = namedTool(given, rules);
  const toolOptions = snapshot(given.toolOptions as Record<string, unknown> | undefined, "toolOptions");
  return Object.freeze({
    request: snapshot(given.request, "request"),
    tool,
    toolOptions,
    resolvedOptions: tool && resolveToolOptions(tool, toolOptions),
    options: { ...options, metadata: options.metadata && jsonCopy(options.metadata, "options.metadata") },
    fallbackTools: fallbackToolsOf(given, rules),
    agents: snapshot(given.agents, "agents"),
    eventManager: given.eventManager as EventManager | undefined,
    onEvent: given.onEvent as RunInput["onEvent"],
    signal: given.signal as AbortSignal | undefined,
  });
}

/** @throws InvalidOptionsError for anything but an object, and for a tool in its place */
function assertParams(given: GivenRun, { isMany }: InputRules): void {
  if (!isPlainObject(given)) {
    throw new InvalidOptionsError([{ path: "run", given, allowed: "an object such as { tool, request }" }]);
  }
  const { execute, name } = given as { readonly execute?: unknown; readonly name?: unknown };
  if (typeof execute !== "function") return;
  const request = isMany ? "requests" : "request";
  const message = `The tool "${String(name)}" stands alone. Put it into one object: { tool, ${request} }.`;
  throw new InvalidOptionsError([{ path: "run", given, allowed: `{ tool, ${request} }`, message }]);
}

/** @throws InvalidOptionsError naming every fault of the parameters and of the options */
function checkOptions(given: GivenRun, rules: InputRules): ResolvedOrchestrationConfig {
  const issues = faultsInParams(given, rules);
  const merged = mergeOptions(rules.defaultOptions, given.options);
  const options = merged === undefined ? defaults : collectOptions(orchestrationConfig, merged, "options", issues);
  issues.push(...faultsInUse(given, options, rules));
  if (issues.length > 0 || !options) throw new InvalidOptionsError(issues);
  return options;
}

/** Merges part by part: a run that limits its tokens keeps the ceiling in dollars that is the default. */
function mergeOptions(defaults: unknown, given: unknown): unknown {
  if (given === undefined) return defaults;
  if (!isPlainObject(defaults) || !isPlainObject(given)) return given;
  const merged: Record<string, unknown> = { ...(defaults as object) };
  for (const [name, value] of Object.entries(given as object)) merged[name] = mergeOptions(merged[name], value);
  return merged;
}

/** Returns the tool that the caller names; `undefined` where a planner is to choose. */
function namedTool(given: GivenRun, { registry }: InputRules): AnyTool | undefined {
  if (given.agents !== undefined) return new AgentsTool(given.agents as any);
  if (given.tool !== undefined) return checkedTool(given.tool, "tool");
  return given.toolName === undefined ? undefined : registeredTool(given.toolName as string, registry);
}

function fallbackToolsOf({ fallbackTools = [] }: GivenRun, { registry }: InputRules): readonly AnyTool[] {
  return (fallbackTools as readonly (string | AnyTool)[]).map((fallback, index) =>
    typeof fallback === "string"
      ? registeredTool(fallback, registry)
      : checkedTool(fallback, `fallbackTools[${index}]`),
  );
}

function registeredTool(name: string, registry: ToolRegistry<any>): AnyTool {
  const tool = registry.get(name);
  if (!tool) throw new ToolNotFoundError(String(name), Object.keys(registry.list()));
  return tool;
}

function checkedTool(tool: unknown, path: string): AnyTool {
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
