import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { BundleToolOptions } from "../contract/bundle-options.ts";
import type { AnyTool } from "../contract/tool.ts";
import { snapshot } from "../core/canonical.ts";
import { InvalidOptionsError, showValue } from "../core/errors.ts";

/** Options and request of a tool, checked before anything ran. */
export interface ResolvedInput {
  readonly options: object;
  readonly request: unknown;
}

/**
 * Fills in the defaults of a tool's options.
 *
 * @throws InvalidOptionsError
 */
export function resolveToolOptions(tool: AnyTool, given: Readonly<Record<string, unknown>> | undefined): object {
  return tool.resolveOptions?.(given as BundleToolOptions | undefined) ?? { ...tool.defaultOptions, ...given };
}

/**
 * Checks a request by the tool's `inputSchema`, which may transform it. The result is frozen, as the caller's request is:
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
      const message = `${path} does not fit the tool's input: got ${showValue(given)}. ${issue.message}`;
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
