/**
 * Job: hold tools under their names.
 * Boundary: runs nothing.
 * Invariants:
 * 1. What is registered can be run: it has a name, and something to execute.
 * 2. A name means one tool until a caller says `replace`.
 */

import type { AnyTool, ToolMetadata, ToolRegistry } from "../contract/tool.ts";
import { InvalidOptionsError, showValue } from "../core/errors.ts";
import { BundleTool } from "./bundle/bundle-tool.ts";

class Registry implements ToolRegistry<any> {
  readonly #tools = new Map<string, AnyTool>();

  register(tool: AnyTool, options?: { replace?: boolean | undefined }): void {
    assertTool(tool, "tool");
    const present = this.#tools.get(tool.name);
    if (present && present !== tool && !options?.replace) throw nameTaken(present, tool);
    this.#tools.set(tool.name, tool);
  }

  get(name: string): AnyTool | undefined {
    return this.#tools.get(name);
  }

  has(name: string): boolean {
    return this.#tools.has(name);
  }

  unregister(name: string): boolean {
    return this.#tools.delete(name);
  }

  list(): Record<string, ToolMetadata> {
    return Object.fromEntries([...this.#tools].map(([name, tool]) => [name, metadataOf(tool)]));
  }
}

/** Returns the facts of a tool that listings and planners see. */
export function metadataOf(tool: AnyTool): ToolMetadata {
  return {
    version: tool.version,
    description: tool.description,
    supportsBundle: (tool as { supportsBundle?: unknown }).supportsBundle === true,
    capabilities: tool.capabilities ?? [],
    ...(tool.provider !== undefined && { provider: tool.provider }),
    ...(tool.estimate && { estimate: tool.estimate.bind(tool) }),
  };
}

/**
 * Refuses a value that could never run, before anything does.
 *
 * @param path where the tool was given, for the error
 * @throws InvalidOptionsError
 */
export function assertTool(tool: unknown, path: string): asserts tool is AnyTool {
  const candidate = tool as Partial<AnyTool> | null | undefined;
  if (typeof candidate !== "object" || candidate === null) {
    const message = `${path}: got ${showValue(tool)}, which is not a tool. Give what defineTool returns, or new PromptBundleTool(…).`;
    throw fault(path, tool, "a tool", message);
  }
  if (typeof candidate.execute !== "function") {
    const named = typeof candidate.name === "string" ? `the tool "${candidate.name}"` : showValue(tool);
    const message = `${path}: ${named} has no method execute(request, options, context). Write what it does there, or use defineTool.`;
    throw fault(path, tool, "an object with a method execute", message);
  }
  if (typeof candidate.name !== "string" || candidate.name.trim() === "") {
    throw fault(`${path}.name`, candidate.name, "a text that is not empty");
  }
  if (candidate instanceof BundleTool && !candidate.canRun) {
    throw fault(path, `the bundle tool "${candidate.name}"`, "a bundle tool with executeReplicate or executeBundle");
  }
}

function nameTaken(present: AnyTool, added: AnyTool): InvalidOptionsError {
  return fault(
    "tool",
    `"${added.name}" ${added.version}`,
    "a name that is free",
    `tool "${added.name}" ${added.version} cannot be registered: "${present.name}" ${present.version} has the name. Give another name, or { replace: true }.`,
  );
}

function fault(path: string, given: unknown, allowed: string, message?: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path, given, allowed, message }]);
}

/**
 * Creates a registry whose tools an orchestrator knows by name and by type.
 *
 * @throws InvalidOptionsError for a value that is not a tool, or two tools of one name
 *
 * @example
 * ```ts
 * const orchestrator = new Orchestrator({ registry: createRegistry([triage, lookup]) });
 * await orchestrator.run({ toolName: "lookup", request: { id: "1" } }); // typed by the name
 * ```
 */
export function createRegistry<const T extends readonly AnyTool[]>(
  tools: T,
): ToolRegistry<{ [X in T[number] as X["name"]]: X }> {
  const registry = new Registry();
  for (const tool of tools) registry.register(tool);
  return registry;
}

const globalRegistry = new Registry();

/** Returns the registry that `SteerLLMClient` registers in, and that orchestrators without their own use. */
export function getGlobalRegistry(): ToolRegistry {
  return globalRegistry;
}
