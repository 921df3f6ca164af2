import { lentWith, markSelfGuarding } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { OutputError } from "../contract/output.ts";
import type { AgentDefinition } from "../contract/run.ts";
import { Tool, type ToolContext } from "../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { PromptBundleTool } from "./prompt-bundle-tool.ts";
import { templateVariables } from "./prompt-template.ts";

/** The answers of agents, by their names. */
export type AgentAnswers = Record<string, unknown>;

/**
 * One-off tools, one per agent, that are asked the same request at once. It is what `agents` of a run means; write tools
 * instead.
 */
export class AgentsTool extends Tool<unknown, AgentAnswers> {
  readonly name = "agents";
  readonly #agents: readonly AgentDefinition[];
  readonly #tools: readonly PromptBundleTool<any, any, any>[];

  /** @throws InvalidOptionsError naming every agent that cannot be run */
  constructor(agents: readonly AgentDefinition[]) {
    super();
    const issues = agents.flatMap(issuesOf);
    if (new Set(agents.map((agent) => agent?.name)).size < agents.length) {
      issues.push({
        path: "agents",
        given: agents.map((agent) => agent?.name),
        allowed: "a name of its own for each agent",
      });
    }
    if (issues.length > 0) throw new InvalidOptionsError(issues);
    this.#agents = agents;
    this.#tools = agents.map(toTool);
  }

  async execute(request: unknown, _options: object, context: ToolContext): Promise<AgentAnswers> {
    context.events.emit("warning", {
      code: "deprecated_agents",
      message: "`agents` is deprecated: use tools instead, such as new PromptBundleTool({ name, model, prompt }).",
    });
    const answers: AgentAnswers = {};
    const failures: Record<string, OutputError> = {};
    let cause: unknown;
    await forEachLimited(this.#tools, lentWith(context)?.maxParallel ?? 10, async (tool, index) => {
      const agent = this.#agents[index] as AgentDefinition;
      try {
        const { evidenceBundle } = await tool.execute(requestFor(agent, request), { k: 1 }, context);
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
}

markSelfGuarding(AgentsTool.prototype);

function issuesOf(agent: AgentDefinition, index: number): OptionIssue[] {
  const path = `agents[${index}]`;
  const issues: OptionIssue[] = [];
  if (typeof agent?.name !== "string" || agent.name === "") {
    issues.push({ path: `${path}.name`, given: agent?.name, allowed: "a text that is not empty" });
  }
  if (typeof agent?.prompt !== "string")
    issues.push({ path: `${path}.prompt`, given: agent?.prompt, allowed: "a text" });
  if (modelOf(agent) === undefined) {
    issues.push({
      path: `${path}.model`,
      given: agent?.model,
      allowed: '"provider:model", or the environment variable STEER_MODEL',
    });
  }
  return issues;
}

function modelOf(agent: AgentDefinition | undefined): string | undefined {
  return agent?.model ?? process.env["STEER_MODEL"];
}

function toTool(agent: AgentDefinition): PromptBundleTool<any, any, any> {
  const isTemplate = templateVariables(agent.prompt).length > 0;
  return new PromptBundleTool({
    name: agent.name,
    model: modelOf(agent) as string,
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
async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
