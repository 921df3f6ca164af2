import type { EvidenceContent } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { runtimeOf } from "../contract/call.ts";
import { BudgetExceeded, isOrchestratorError } from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { causeOf, PartialResult } from "../contract/partial-result.ts";
import type { AgentDefinition } from "../contract/run.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { AgentAnswers } from "./agents-tool.ts";
import type { CheckedBundleOptions } from "./bundle/replicate-source.ts";
import { runtimeByHand } from "./bundle/tool-runtime.ts";
import { PromptBundleTool } from "./prompt/prompt-bundle-tool.ts";
import { templateVariables } from "./prompt/prompt-template.ts";

/** Agent as a tool, and its request. */
interface Question {
  readonly tool: PromptBundleTool<any, any, any>;
  readonly request: Record<string, unknown>;
}

/**
 * Asks all agents the same request, as many at a time as the run allows; each names its model. One that fails does not
 * stop the others. Where the run has to reject, no more agents are asked, and those in flight are awaited.
 *
 * @throws InvalidOptionsError, before the first call, where a model is not to be had or has no price and needs one
 * @throws PartialResult with the answers that are there
 */
export async function askAgents(
  agents: readonly AgentDefinition[],
  request: unknown,
  context: ToolContext,
): Promise<AgentAnswers> {
  context.events.emit("warning", {
    code: "deprecated_agents",
    message: "`agents` is deprecated: use tools instead, such as new PromptBundleTool({ name, model, prompt }).",
  });
  const runtime = runtimeOf(context) ?? runtimeByHand(context);
  const questions = agents.map((agent) => ({ tool: toTool(agent), request: requestFor(agent, request) }));
  for (const question of questions) await findModel(question, context);
  const answers: AgentAnswers = {};
  const failures: Record<string, OutputError> = {};
  const causes: unknown[] = [];
  await forEachLimited(questions, runtime.maxParallel, async ({ tool, request }) => {
    if (causes.some(endsTheRun)) return;
    try {
      const { evidenceBundle } = await tool.execute(request, { k: 1 }, context);
      answers[tool.name] = evidenceBundle.summary.consensus;
    } catch (error) {
      causes.push(causeOf(error));
      if (error instanceof PartialResult && error.isUsable) answers[tool.name] = consensusOf(error);
      Object.assign(
        failures,
        error instanceof PartialResult ? error.failures : { [tool.name]: runtime.failureOf(error, 1) },
      );
    }
  });
  if (causes.length === 0) return answers;
  const cause = causes.find(endsTheRun) ?? causes.find(isOrchestratorError) ?? causes.at(-1);
  throw new PartialResult({ content: answers, isUsable: Object.keys(answers).length > 0, failures, cause });
}

/** Returns the answer that was there before something else failed, such as the store that was to keep it. */
function consensusOf({ content }: PartialResult): unknown {
  return (content as EvidenceContent).evidenceBundle.summary.consensus;
}

/** Tells whether an error ends the run for all agents. A budget that is too small for one may do for the next. */
function endsTheRun(cause: unknown): boolean {
  return isOrchestratorError(cause) && !BudgetExceeded.isInstance(cause);
}

/** Finds an agent's model and its price, so that nothing has been paid when one is missing. */
async function findModel({ tool, request }: Question, context: ToolContext): Promise<void> {
  const options = tool.resolveOptions({ k: 1 }) as CheckedBundleOptions;
  await tool.boundReplicates(request, { ...options, seeds: [] } as ResolvedBundleOptions, context);
}

function toTool(agent: AgentDefinition): PromptBundleTool<any, any, any> {
  const isTemplate = templateVariables(agent.prompt).length > 0;
  return new PromptBundleTool({
    name: agent.name,
    model: agent.model as string,
    ...(isTemplate ? { prompt: agent.prompt } : { system: agent.prompt, prompt: "{{request}}" }),
  });
}

/** Returns what the agent's prompt takes: its variables, or the whole request. */
function requestFor(agent: AgentDefinition, request: unknown): Record<string, unknown> {
  const [first, ...others] = templateVariables(agent.prompt);
  if (first === undefined) return { request };
  if (typeof request === "object" && request !== null) return request as Record<string, unknown>;
  return others.length === 0 ? { [first]: request } : {};
}

/** Runs `work`, which never rejects, for every item, `limit` at a time. */
async function forEachLimited<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
