import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { documentExtensions, readText } from "./load-tool.ts";
import { parseSource } from "./source-document.ts";

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
    return typeof value === "object" && value !== null && "prompt" in value && "model" in value;
  } catch {
    return false;
  }
}
