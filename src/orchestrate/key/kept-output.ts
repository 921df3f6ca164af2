import { bundleIn } from "../../contract/bundle-json.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { AnyTool } from "../../contract/tool.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { Run } from "../run-context.ts";

/**
 * Gives an output that was kept as JSON its values again: its tool sends the answers through their schema. Where that tool
 * is not here, or cannot any more, the output stays JSON.
 */
export async function restoredBy(
  maker: AnyTool | undefined,
  output: OrchestrationOutput,
  options?: Readonly<Record<string, unknown>> | undefined,
  scope?: CancelScope | undefined,
): Promise<OrchestrationOutput> {
  const bundle = bundleIn(output.content);
  if (!bundle) return output;
  try {
    if (maker?.restoreContent) {
      const restoring = maker.restoreContent(output.content, options);
      return { ...output, content: await (scope?.race(restoring) ?? restoring) } as OrchestrationOutput;
    }
  } catch {
    // The schema or its package may be gone.
  }
  bundle.summary.pairwiseDistance ??= null;
  return output;
}

/** Gives an output of a run its values again. */
export function restored(output: OrchestrationOutput, run: Run, scope: CancelScope): Promise<OrchestrationOutput> {
  const { maker, options } = makerOf(output, run);
  return restoredBy(maker, output, options, scope);
}

/** Returns an output without what its tool derives again on replay. */
export function withoutDerived(output: OrchestrationOutput, run: Run): OrchestrationOutput {
  if (!bundleIn(output.content)) return output;
  const { maker, options } = makerOf(output, run);
  return maker?.contentToKeep ? { ...output, content: maker.contentToKeep(output.content, options) } : output;
}

/** Finds the tool that made an output, and the options that it was given. */
function makerOf({ metadata }: OrchestrationOutput, run: Run) {
  const { tool, fallbackTools, toolOptions } = run.input;
  const tools = [tool, ...fallbackTools, run.settings.registry.get(metadata.toolName)];
  const maker = tools.find((candidate) => candidate?.name === metadata.toolName);
  return { maker, options: maker === tool ? toolOptions : undefined };
}
