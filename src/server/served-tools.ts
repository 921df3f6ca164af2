import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import type { PromptMessage } from "../contract/model.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue, showValue } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { PromptBundleTool } from "../tool/prompt/prompt-bundle-tool.ts";
import { assertTool, metadataOf } from "../tool/registry.ts";
import type { Caller } from "./access.ts";
import { assertClientSchema } from "./client-schema.ts";
import { RequestFault } from "./problem.ts";

/** Start of the names of tools that ask a model whatever a request says. */
export const genericPrefix = "consensus:";

/** Request of a generic tool: the question, and how its model is asked. */
export interface GenericRequest {
  readonly messages: readonly PromptMessage[];
  /** JSON schema of the answer; without it, the answer is text. */
  readonly schema?: Record<string, unknown> | undefined;
  readonly temperature?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
}

const textPart = v.strictObject({ type: v.literal("text"), text: v.string() });
const dataUrl = v.pipe(v.string(), v.startsWith("data:", 'a data URL, such as "data:image/png;base64,…"'));
const filePart = v.strictObject({
  type: v.literal("file"),
  data: dataUrl,
  mediaType: v.string(),
  filename: v.optional(v.string()),
});
const genericRequest = v.strictObject({
  messages: v.pipe(
    v.array(
      v.variant("role", [
        v.strictObject({ role: v.literal("system"), content: v.string() }),
        v.strictObject({
          role: v.literal("user"),
          content: v.union([v.string(), v.array(v.variant("type", [textPart, filePart]))]),
        }),
        v.strictObject({ role: v.literal("assistant"), content: v.string() }),
      ]),
    ),
    v.minLength(1),
  ),
  schema: v.optional(v.record(v.string(), v.unknown())),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  maxOutputTokens: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
});

/** A tool as clients see it. */
export interface ListedTool extends Omit<ToolMetadata, "estimate"> {
  readonly name: string;
}

/** Tools of a service, and those of them that a caller may use. */
export class ServedTools {
  readonly #tools = new Map<string, AnyTool>();
  /** Names of the generic tools. */
  readonly #generic = new Set<string>();

  /** @throws InvalidOptionsError naming every tool that cannot be served */
  constructor(tools: readonly (AnyTool | string)[]) {
    const issues = tools.flatMap((tool, at) => this.#add(tool, `tools[${at}]`));
    if (issues.length > 0) throw new InvalidOptionsError(issues);
  }

  #add(tool: AnyTool | string, path: string): OptionIssue[] {
    const name = typeof tool === "string" ? tool : tool?.name;
    if (this.#tools.has(name) || this.#generic.has(name)) {
      return [
        { path, given: name, allowed: "a name of its own", message: `Two tools are named ${JSON.stringify(name)}.` },
      ];
    }
    if (typeof tool === "string") {
      if (!/^consensus:[^:]+:./.test(tool))
        return [{ path, given: tool, allowed: 'a tool, or "consensus:<provider:model>"' }];
      this.#generic.add(tool);
      return [];
    }
    assertTool(tool, path);
    if (readsFiles(tool)) {
      const message = `Tool ${JSON.stringify(name)} reads the files that its requests name, so that clients could read any file of this machine. Let its prompt be a function that takes the content.`;
      return [{ path, given: name, allowed: "a tool without files", message }];
    }
    this.#tools.set(name, tool);
    return [];
  }

  /** Lists the tools that a caller may use, by name. */
  list(caller: Caller): ListedTool[] {
    const named = [...this.#tools].map(([name, tool]) => ({ name, ...shownOf(metadataOf(tool)) }));
    const generic = [...this.#generic].map((name) => ({ name, ...shownOf(metadataOf(genericTool(name))) }));
    return [...named, ...generic].filter(({ name }) => mayUse(caller, name));
  }

  /** Returns the tools that are no generic ones. */
  named(): AnyTool[] {
    return [...this.#tools.values()];
  }

  /**
   * Finds the tool of a name that takes a request.
   *
   * @throws InvalidOptionsError for a request that a generic tool cannot take; RequestFault for a name that the caller may not use, or that no tool has: one cannot be told from the other
   */
  async find(name: string, request: unknown, caller: Caller): Promise<AnyTool> {
    const tool = mayUse(caller, name) ? await this.#toolFor(name, request) : undefined;
    if (tool) return tool;
    const known = this.list(caller).map((listed) => listed.name);
    const guess = nearest(name.slice(0, 200), known);
    const detail = `No tool is named ${showValue(name)}.${guess ? ` Did you mean "${guess}"?` : ""} Tools: ${known.join(", ") || "none"}.`;
    throw new RequestFault(404, "TOOL_NOT_FOUND", detail);
  }

  async #toolFor(name: string, request: unknown): Promise<AnyTool | undefined> {
    if (!this.#generic.has(name)) return this.#tools.get(name);
    const asked = readGeneric(request);
    await assertClientSchema(asked.schema, "request.schema");
    return askAnything(name, asked);
  }
}

function mayUse({ tools }: Caller, name: string): boolean {
  return tools?.includes(name) ?? true;
}

/** Leaves out what is the operator's: the estimate, and what an address of a model's server says beside its place. */
function shownOf({ estimate: _, provider, ...metadata }: ToolMetadata): Omit<ToolMetadata, "estimate"> {
  const place = provider?.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/, "");
  return { ...metadata, ...(place !== undefined && { provider: place }) };
}

/** True of a prompt tool whose requests name files. */
function readsFiles(tool: AnyTool): boolean {
  const { promptIdentity } = tool as { promptIdentity?: { readonly files?: unknown } };
  return promptIdentity?.files !== undefined;
}

const emptyRequest: GenericRequest = { messages: [] };

/** @throws InvalidOptionsError naming every fault */
function readGeneric(request: unknown): GenericRequest {
  const { success, output, issues } = v.safeParse(genericRequest, request);
  if (success) return output as GenericRequest;
  throw new InvalidOptionsError(
    issues.map((issue) => ({
      path: ["request", v.getDotPath(issue)].filter(Boolean).join("."),
      given: issue.input,
      allowed: issue.message,
    })),
  );
}

/** Makes the tool of a generic name, for a question that is not there yet. */
export function genericTool(name: string): AnyTool {
  return askAnything(name, emptyRequest);
}

/** Makes the tool that asks a model what a request says. All that decides the answer stands in the request. */
function askAnything(name: string, { schema, temperature, maxOutputTokens }: GenericRequest): AnyTool {
  return new PromptBundleTool<string, unknown, string, GenericRequest>({
    name,
    description: "Asks the model what the request says.",
    model: name.slice(genericPrefix.length),
    prompt: ({ messages }) => messages,
    schema: schema as unknown as StandardSchemaV1<unknown, unknown> | undefined,
    temperature,
    maxOutputTokens,
  });
}
