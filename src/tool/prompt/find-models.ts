import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../../core/errors.ts";
import { judgesIn } from "../../evidence/internal/judged-texts.ts";
import { judgeModelOf } from "../bundle/answer-judge.ts";
import type { ReplicateSource } from "../bundle/replicate-source.ts";
import { ModelAsker } from "./model-asker.ts";
import { askerFor } from "./prompt-bundle-tool.ts";

/**
 * Finds every model that tools may ask: their own, those they escalate to, and their judges. A service does so at its start: a
 * missing key is the operator's to set, and not for the first client to hear of. Models that a tool of your own asks are not
 * known.
 *
 * @param ceiling name of a ceiling in dollars that every call is under
 * @throws InvalidOptionsError naming each tool that cannot ask a model, and why
 */
export async function findModels(tools: readonly AnyTool[], ceiling?: string): Promise<void> {
  const issues: OptionIssue[] = [];
  for (const tool of tools) {
    try {
      await findModelsOf(tool, ceiling);
    } catch (error) {
      if (!InvalidOptionsError.isInstance(error)) throw error;
      for (const { message = error.message, ...issue } of error.issues)
        issues.push({ ...issue, message: `Tool ${JSON.stringify(tool.name)}: ${message}` });
    }
  }
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

async function findModelsOf(tool: AnyTool, ceiling: string | undefined): Promise<void> {
  const options = (tool.resolveOptions?.({}) ?? {}) as Partial<ResolvedBundleOptions>;
  const own = (["globalBudget", "perReplicateBudget"] as const).find((name) => options[name]?.costUsd !== undefined);
  const needed = ceiling ?? (own && `${own}.costUsd`);
  const source = tool as AnyTool & ReplicateSource<unknown, unknown>;
  const stages = [source, ...(options.escalate?.to ?? []).map((model) => source.withModel?.(model) ?? source)];
  const members = stages.flatMap((stage) => stage.members ?? [stage]);
  const judges = judgesIn(options.compare).map((judge) => new ModelAsker({ model: judgeModelOf(judge, source) }));
  const askers = [...(await Promise.all(members.map(askerFor))), ...judges];
  for (const asker of askers) await asker?.find(needed);
}
