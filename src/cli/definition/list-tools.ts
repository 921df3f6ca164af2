import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import type { ToolMetadata } from "../../contract/tool.ts";
import { templateVariables } from "../../tool/prompt/prompt-template.ts";
import { metadataOf } from "../../tool/registry.ts";
import { counted, showOnLine, toColumns, toSafeJson } from "../progress/format.ts";
import { createTerminal } from "../progress/terminal.ts";
import { documentExtensions, loadTool, readText } from "./load-tool.ts";
import { parseSource } from "./source-document.ts";
import { namesIn } from "./tool-file.ts";

/** Row of a listing: the tool in a file. */
interface ListedTool extends ToolMetadata {
  readonly name: string;
  readonly file: string;
  /** The most answers for one input; absent for a tool that gives no bundle. */
  readonly k?: number;
  /** Model of a definition; a module keeps its own to itself. */
  readonly model?: string;
  readonly variables?: readonly string[];
}

/**
 * Prints the tools in files, or in the files of this folder.
 *
 * @throws CommandError for a file that is not a tool
 */
export async function listTools(files: readonly string[], isJson: boolean): Promise<void> {
  const listed = await Promise.all((files.length > 0 ? files : findToolFiles(".")).map(describeTool));
  process.stdout.write(isJson ? `${toSafeJson(listed, 2)}\n` : toTable(listed));
}

async function describeTool(file: string): Promise<ListedTool> {
  const { tool, definition } = await loadTool(file);
  const { k } = (tool.resolveOptions?.({}) ?? {}) as { k?: number };
  return {
    name: tool.name,
    file,
    ...metadataOf(tool),
    ...(k !== undefined && { k }),
    ...(definition && { model: namesIn(definition).join(", "), variables: templateVariables(definition.prompt) }),
  };
}

function toTable(tools: readonly ListedTool[]): string {
  if (tools.length === 0) return "No JSON or YAML file of this folder defines a tool. Name one: steer tools FILE\n";
  const { colors } = createTerminal(process.stdout);
  const titles = ["name", "version", "answers", "model", "variables", "file", "description"].map(colors.dim);
  const rows = tools.map(({ name, version, k, model, variables, file, description }) => [
    colors.bold(showOnLine(name)),
    showOnLine(version),
    k === undefined ? "no bundle" : `up to ${k}`,
    showOnLine(model ?? "in the module"),
    showOnLine(variables?.join(", ") ?? ""),
    showOnLine(file),
    showOnLine(description),
  ]);
  return `${toColumns([titles, ...rows]).join("\n")}\n${counted(tools.length, "tool")}\n`;
}

/** The JSON and YAML files of a folder that define a tool. Files that are something else, or broken, are passed over. */
export function findToolFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => documentExtensions.includes(extname(name)))
    .map((name) => (folder === "." ? name : join(folder, name)))
    .filter(definesTool);
}

function definesTool(file: string): boolean {
  try {
    const { value } = parseSource(readText(file), file);
    return typeof value === "object" && value !== null && "prompt" in value && ("model" in value || "models" in value);
  } catch {
    return false;
  }
}
