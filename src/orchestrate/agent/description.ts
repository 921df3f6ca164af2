import type { AnyTool } from "../../contract/tool.ts";
import type { JSONSchema } from "../../core/json.ts";

/** Returns what an agent is told of a tool, in words. */
export function descriptionOf(tool: AnyTool): string {
  if (!isBundle(tool)) return tool.description;
  const { k } = answerOptionsOf(tool);
  const answers = k === undefined ? "several answers" : k === 1 ? "one answer" : `up to ${k} answers`;
  const result = `Returns the consensus of ${answers} of a model, its confidence from 0 to 1, and where the answers differ.`;
  return [tool.description, result].filter((text) => text !== "").join("\n");
}

/** Returns true of a tool that answers by a bundle. */
export function isBundle(tool: AnyTool): boolean {
  return (tool as { readonly supportsBundle?: unknown }).supportsBundle === true;
}

/** Options of a bundle tool that say what its answers are. */
export interface AnswerOptions {
  readonly k?: number;
  readonly schema?: JSONSchema;
  readonly schemaUri?: string;
}

export function answerOptionsOf(tool: AnyTool): AnswerOptions {
  return (tool.resolveOptions?.({}) ?? {}) as AnswerOptions;
}
