import type { EvidenceContent } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { Incomplete } from "../contract/incomplete.ts";
import { rawRequestOf } from "../contract/raw-request.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { BundleTool } from "./bundle-tool.ts";
import { executeWholeBundle } from "./execute-whole-bundle.ts";
import type { CheckedBundleOptions } from "./resolve-bundle-options.ts";
import { deriveSeeds } from "./seeds.ts";

/**
 * Gives every replicate its seed, asks the tool for its bundle, and reports it.
 *
 * @param runsWhole whether the tool has an `executeBundle` of its own, which is then guarded as one call
 */
export async function executeBundleTool<Input, T>(
  tool: BundleTool<Input, T>,
  runsWhole: boolean,
  request: Input,
  checked: CheckedBundleOptions,
  context: ToolContext,
): Promise<EvidenceContent<T>> {
  const seeds = checked.seeds ?? deriveSeeds(tool.name, rawRequestOf(request), checked.k);
  const options = { ...checked, seeds } as ResolvedBundleOptions;
  try {
    const evidenceBundle = runsWhole
      ? await executeWholeBundle(tool, request, options, context)
      : await tool.executeBundle(request, options, context);
    context.events.emit("bundle_ready", { evidenceBundle });
    return { evidenceBundle };
  } catch (error) {
    if (error instanceof Incomplete && error.isUsable)
      context.events.emit("bundle_ready", error.content as EvidenceContent);
    throw error;
  }
}
