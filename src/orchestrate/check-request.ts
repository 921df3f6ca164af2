import type { StandardSchemaV1 } from "@standard-schema/spec";
import { keepRawRequest } from "../contract/raw-request.ts";
import type { AnyTool } from "../contract/tool.ts";
import { snapshot } from "../core/canonical.ts";
import { InvalidOptionsError } from "../core/errors.ts";

/**
 * A request as its tool wants it: checked, and transformed, by the tool's `inputSchema`; frozen, as the caller's is, since
 * all attempts and replicates share it.
 *
 * @throws InvalidOptionsError naming every fault of the request
 */
export async function checkRequest(tool: AnyTool, request: unknown): Promise<unknown> {
  if (!tool.inputSchema) return request;
  const result = await tool.inputSchema["~standard"].validate(request);
  if (!result.issues) return keepRawRequest(snapshot(result.value, "request"), request);
  throw new InvalidOptionsError(
    result.issues.map((issue) => {
      const keys = (issue.path ?? []).map(keyOf);
      return { path: ["request", ...keys].join("."), given: valueAt(request, keys), allowed: issue.message };
    }),
  );
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof segment === "object" ? segment.key : segment;
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<any>((at, key) => at?.[key], value);
}
