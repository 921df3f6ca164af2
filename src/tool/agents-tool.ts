import { markSelfGuarding } from "../contract/call.ts";
import type { AgentDefinition } from "../contract/run.ts";
import { Tool, type ToolContext } from "../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";

const loadAskAgents = lazily(() => import("./ask-agents.ts"));

/** Answers of agents, by their names. */
export type AgentAnswers = Record<string, unknown>;

/** Asks one-off tools, one per agent, the same request at once: the `agents` of a run. Write tools instead. */
export class AgentsTool extends Tool<unknown, AgentAnswers> {
  readonly name = "agents";
  readonly #agents: readonly AgentDefinition[];

  /** @throws InvalidOptionsError naming every agent that cannot be run */
  constructor(agents: readonly AgentDefinition[]) {
    super();
    const issues = agents.flatMap(issuesOf);
    if (new Set(agents.map((agent) => agent?.name)).size < agents.length) {
      issues.push({
        path: "agents",
        given: agents.map((agent) => agent?.name),
        allowed: "a name of its own for each agent",
        message: "agents: two agents have one name. Give each agent a name of its own.",
      });
    }
    if (issues.length > 0) throw new InvalidOptionsError(issues);
    this.#agents = agents.map((agent) => ({ ...agent, model: modelOf(agent) }));
  }

  async execute(request: unknown, _options: object, context: ToolContext): Promise<AgentAnswers> {
    const { askAgents } = await loadAskAgents();
    return askAgents(this.#agents, request, context);
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
      allowed: '"provider:model"',
      message: `${path}.model is missing. Give "provider:model", or set the environment variable STEER_MODEL.`,
    });
  }
  return issues;
}

function modelOf(agent: AgentDefinition | undefined): string | undefined {
  return agent?.model ?? process.env["STEER_MODEL"];
}
