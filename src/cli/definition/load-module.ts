import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyTool } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { assertTool } from "../../tool/registry.ts";
import { CommandError } from "../command-error.ts";

/**
 * The tool that a TypeScript or JavaScript module exports by default. Loading it runs it.
 *
 * @throws CommandError where the module breaks, with the place, or exports no tool
 */
export async function loadModule(file: string): Promise<AnyTool> {
  const path = resolve(file);
  let exported: { default?: unknown };
  try {
    exported = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new CommandError(`${placeIn(error, path, file)}: the module cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    assertTool(exported.default, "export default");
    return exported.default;
  } catch (error) {
    throw new CommandError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The file, with the line and the column at which the module's own code broke where the stack tells them. */
function placeIn(error: unknown, path: string, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const [, place = ""] = stack.split(path);
  return file + (/^(:\d+)+/.exec(place)?.[0] ?? "");
}
