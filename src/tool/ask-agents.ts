import { lentWith } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { OutputError } from "../contract/output.ts";
import type { AgentDefinition } from "../contract/run.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { AgentAnswers } from "./agents-tool.ts";
import { PromptBundleTool } from "./prompt-bundle-tool.ts";
import { templateVariables } from "./prompt-template.ts";

/** Asks all agents the same request, so many at a time as the run allows; each names its model. */
export async function askAgents(
  agents: readonly AgentDefinition[],
  request: unknown,
  context: ToolContext,
): Promise<AgentAnswers> {
  context.events.emit("warning", {
    code: "deprecated_agents",
    message: "`agents` is deprecated: use tools instead, such as new PromptBundleTool({ name, model, prompt }).",
  });
  const answers: AgentAnswers = {};
  const failures: Record<string, OutputError> = {};
  let cause: unknown;
  await forEachLimited(agents, lentWith(context)?.maxParallel ?? 10, async (agent) => {
    try {
      const { evidenceBundle } = await toTool(agent).execute(requestFor(agent, request), { k: 1 }, context);
      answers[agent.name] = evidenceBundle.summary.consensus;
    } catch (error) {
      cause = error instanceof Incomplete ? error.cause : error;
      if (!(error instanceof Incomplete)) throw error;
      Object.assign(failures, error.failures);
    }
  });
  if (Object.keys(failures).length === 0) return answers;
  throw new Incomplete({ content: answers, isUsable: Object.keys(answers).length > 0, failures, cause });
}

function toTool(agent: AgentDefinition): PromptBundleTool<any, any, any> {
  const isTemplate = templateVariables(agent.prompt).length > 0;
  return new PromptBundleTool({
    name: agent.name,
    model: agent.model as string,
    ...(isTemplate ? { prompt: agent.prompt } : { system: agent.prompt, prompt: "{{request}}" }),
  });
}

/** What the agent's prompt takes: its variables, or the whole request. */
function requestFor(agent: AgentDefinition, request: unknown): Record<string, unknown> {
  const [first, ...others] = templateVariables(agent.prompt);
  if (first === undefined) return { request };
  if (typeof request === "object" && request !== null) return request as Record<string, unknown>;
  return others.length === 0 ? { [first]: request } : {};
}

/** Runs `work` for every item, `limit` at a time. */
async function forEachLimited<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
