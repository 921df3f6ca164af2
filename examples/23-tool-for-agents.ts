/**
 * A tool of this package as a tool of an AI SDK agent. The agent asks once, and gets the consensus of several answers; the program
 * reads what they cost.
 *
 * Without STEER_MODEL the agent is a script on the AI SDK's mock, and the tool asks a simulation.
 */
import { isStepCount, ToolLoopAgent } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { PromptBundleTool, resolveModel, toAiSdkTool } from "steer-llm-sdk";
import { z } from "zod";

const name = process.env["STEER_MODEL"];

const triage = new PromptBundleTool({
  name: "triage",
  description: "Sorts a bug report by severity.",
  model: name ?? "simulated:?error=0.3",
  prompt: "Report:\n{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: { k: 5, stopping: "none" },
});

const agent = new ToolLoopAgent({
  model: name === undefined ? scriptedAgent() : ((await resolveModel(name)) as MockLanguageModelV4),
  tools: { triage: toAiSdkTool(triage) },
  stopWhen: isStepCount(5),
});
const result = await agent.generate({ prompt: "How severe is this? It crashes when I save." });

for (const { toolResults } of result.steps) {
  for (const called of toolResults) {
    if (called.dynamic) continue;
    const { consensus, confidence, disagreements, votes, usage } = called.output;
    console.log(`Consensus:  ${consensus?.severity}, ${votes} votes, confidence ${confidence.toFixed(2)}`);
    for (const { path, values } of disagreements)
      console.log(`Contested:  ${path}: ${values.map(({ value, support }) => `${value} ${support}`).join(", ")}`);
    console.log(`Tokens:     ${usage.totalTokens}`);
  }
}
console.log(`The agent:  ${result.text}`);

/** Calls the tool, and says what it answered. */
function scriptedAgent(): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    modelId: "scripted-agent",
    async doGenerate({ prompt }) {
      const told = prompt.find(({ role }) => role === "tool");
      const unknown = undefined;
      const input = JSON.stringify({ report: "It crashes when I save." });
      return {
        content: told
          ? [{ type: "text", text: "Probably low: four of five answers say so." }]
          : [{ type: "tool-call", toolCallId: "1", toolName: "triage", input }],
        finishReason: { unified: told ? "stop" : "tool-calls", raw: unknown },
        usage: {
          inputTokens: { total: 20, noCache: unknown, cacheRead: unknown, cacheWrite: unknown },
          outputTokens: { total: 5, text: unknown, reasoning: unknown },
        },
        warnings: [],
      };
    },
  });
}
