import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import type { JSONSchema } from "../core/json.ts";
import { registerSchema } from "../schema/schema-registry.ts";
import { getGlobalRegistry } from "../tool/registry.ts";

/**
 * The way into the global registry: what is registered here, every orchestrator without a registry of its own knows by
 * name.
 *
 * @example
 * ```ts
 * const client = new SteerLLMClient();
 * client.registerTool(triage);
 * client.listTools(); // { triage: { version: "1.0.0", description: "", supportsBundle: true, capabilities: [] } }
 * ```
 */
export class SteerLLMClient {
  /**
   * Registers a tool under its name. The same instance again changes nothing.
   *
   * @returns the tool
   * @throws InvalidOptionsError for a value that is not a tool, and for another tool of that name without `replace`
   */
  registerTool<T extends AnyTool>(tool: T, options?: { replace?: boolean | undefined }): T {
    getGlobalRegistry().register(tool, options);
    return tool;
  }

  /** All registered tools, by name. */
  listTools(): Record<string, ToolMetadata> {
    return getGlobalRegistry().list();
  }

  /** Makes a schema known under a URI, for the option `schemaUri`. */
  registerSchema(uri: string, schema: JSONSchema): void {
    registerSchema(uri, schema);
  }
}
