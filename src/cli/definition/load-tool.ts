import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import type { RateLimits } from "../../guard/limits.ts";
import { assertTool } from "../../tool/registry.ts";
import { CommandError, fileFault } from "../faults.ts";
import { decodeWhole } from "../input/decode-text.ts";
import { type DefinitionFlags, withFlags } from "./definition-flags.ts";
import { parseSource, type SourceDocument } from "./source-document.ts";
import { assertDefinedSchema, readDefinition, type ToolDefinition, toTool } from "./tool-file.ts";

/** A tool from a file. */
export interface LoadedTool {
  readonly tool: AnyTool;
  /** Absent for a module, whose tool keeps its definition to itself. */
  readonly definition?: ToolDefinition;
}

/**
 * Every tool in these files: of a definition the one it makes, of a module all that it exports.
 *
 * @throws CommandError naming the file and the place of a fault, and for two tools of one name
 */
export async function loadTools(files: readonly string[]): Promise<LoadedTool[]> {
  const loaded = [];
  for (const file of files) loaded.push(...(await loadToolsIn(file)).map((tool) => ({ ...tool, file })));
  for (const [index, { tool, file }] of loaded.entries()) {
    const other = loaded.slice(0, index).find(({ tool: { name } }) => name === tool.name);
    if (other) throw new CommandError(`${other.file} and ${file} both have a tool called ${tool.name}. Rename one.`);
  }
  return loaded.map(({ file: _, ...tool }) => tool);
}

/**
 * Limits of all tool files together.
 *
 * @throws CommandError for two files that limit the same provider or model differently
 */
export function limitsOfTools(loaded: readonly LoadedTool[]): RateLimits {
  const limits: Record<string, RateLimits[string]> = {};
  for (const { tool, definition } of loaded) {
    for (const [name, limit] of Object.entries(definition?.limits ?? {})) {
      const present = limits[name];
      if (present && JSON.stringify(present) !== JSON.stringify(limit))
        throw new CommandError(
          `limits.${name}: the files of these tools differ, ${tool.name} the last. Write the same limits.`,
        );
      limits[name] = limit;
    }
  }
  return limits;
}

async function loadToolsIn(file: string): Promise<LoadedTool[]> {
  if (!moduleExtensions.includes(extname(file))) return [await loadTool(file)];
  const exported = await importModule(file);
  const values = [defaultOf(exported), ...Object.values(exported)].flat();
  const tools = [...new Set(values)].filter(isTool);
  if (tools.length === 0) throw new CommandError(`${file} exports no tool. Export a tool, or a list of them.`);
  return tools.map((tool) => ({ tool }));
}

function isTool(value: unknown): value is AnyTool {
  try {
    assertTool(value, "export");
    return true;
  } catch {
    return false;
  }
}

export const documentExtensions = [".json", ".yaml", ".yml"];
/** Files of inputs, which are given in the place of a tool file by mistake. */
const inputExtensions = [".jsonl", ".ndjson", ".csv", ".tsv", ".txt"];
const moduleExtensions = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"];

/**
 * The tool in a file: a definition in JSON or YAML, or a module that exports one by default.
 *
 * @param flags entries that the command line gives in place of the file's own
 * @param folder in which the relative paths of the tool's files begin
 * @throws CommandError naming the file, and the line and the column of a fault
 */
export async function loadTool(file: string, flags: DefinitionFlags = {}, folder?: string): Promise<LoadedTool> {
  if (moduleExtensions.includes(extname(file))) {
    const given = flagsOfFiles.find(([name]) => flags[name] !== undefined);
    if (given) throw new CommandError(`${given[1]} is for tool files in JSON or YAML; ${file} chooses its own.`);
    return { tool: await loadModule(file) };
  }
  const document = openDocument(file);
  const definition = withFlags(readDefinition(document), flags);
  await assertDefinedSchema(document, definition);
  return { tool: asTool(definition, folder), definition };
}

/** Flags that say how a definition asks its model; a module says so itself. */
const flagsOfFiles = [
  ["model", "--model"],
  ["baseUrl", "--base-url"],
  ["apiKeyEnv", "--api-key-env"],
  ["header", "--header"],
  ["price", "--price"],
] as const;

/** Faults that remain are of the command line: those of the file were found with their places. */
function asTool(definition: ToolDefinition, folder: string | undefined): AnyTool {
  try {
    return toTool(definition, { folder });
  } catch (error) {
    throw InvalidOptionsError.isInstance(error) ? new CommandError(error.message, { cause: error }) : error;
  }
}

/**
 * The definition in a JSON or YAML file.
 *
 * @throws CommandError
 */
export function loadDefinition(file: string, flags: DefinitionFlags = {}): ToolDefinition {
  return withFlags(readDefinition(openDocument(file)), flags);
}

function openDocument(file: string): SourceDocument {
  if (documentExtensions.includes(extname(file))) return parseSource(readText(file), file);
  if (inputExtensions.includes(extname(file)))
    throw new CommandError(`${file} holds inputs, and a tool file is needed here. Give it as --input ${file}.`);
  throw new CommandError(
    `${file} is not a tool file. JSON and YAML files are (${documentExtensions.join(", ")}); steer run and steer tools also take ` +
      `modules (${moduleExtensions.join(", ")}).`,
  );
}

/** @throws CommandError for a file that cannot be read, or whose bytes are no text */
export function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw fileFault(file, error, "read");
  }
  return decodeWhole(bytes, file);
}

/**
 * The tool that a TypeScript or JavaScript module exports by default. Loading it runs it.
 *
 * @throws CommandError where the module breaks, with the place, or exports no tool
 */
async function loadModule(file: string): Promise<AnyTool> {
  const exported = await importModule(file);
  try {
    const tool = defaultOf(exported);
    assertTool(tool, "export default");
    return tool;
  } catch (error) {
    throw new CommandError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function importModule(file: string): Promise<{ default?: unknown }> {
  const path = resolve(file);
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const message = `${placeIn(error, path, file)}: the module cannot be loaded: ${messageOf(error)}${adviceFor(error, file)}`;
    throw new CommandError(message, { cause: error });
  }
}

/** A compiler that writes CommonJS puts the default export inside `module.exports`. */
function defaultOf({ default: exported }: { default?: unknown }): unknown {
  const { __esModule: isCompiled, default: inside } = (exported ?? {}) as { __esModule?: unknown; default?: unknown };
  return isCompiled ? inside : exported;
}

/** A package without `"type": "module"` has its `.ts` and `.js` files read as CommonJS. */
function adviceFor(error: unknown, file: string): string {
  if (/strip-only mode/.test(messageOf(error)))
    return ". Node runs TypeScript by leaving its types out: write what is more than a type in JavaScript, or compile the file";
  const extension = /[.](ts|js)$/.exec(file)?.[1];
  if (!extension || !/import statement outside a module|Unexpected token 'export'/.test(messageOf(error))) return "";
  return `. Node reads it as CommonJS. Name it ${file.replace(/[.](ts|js)$/, `.m${extension}`)}, or set "type": "module" in package.json.`;
}

/** The file, with the line and the column at which the module's own code broke where the stack tells them. */
function placeIn(error: unknown, path: string, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const [, place = ""] = stack.split(path);
  return file + (/^(:\d+)+/.exec(place)?.[0] ?? "");
}
