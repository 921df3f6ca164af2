/**
 * All of it in one program: a bundle tool of your own, registered with the client, chosen by the planner, run within a
 * budget, under a key, with its events, and its evidence read.
 *
 * A rule with a seeded dice answers in the place of a model, so tokens and dollars here are made up.
 */
import {
  BundleTool,
  hasEvidence,
  ReliableOrchestrator,
  type ReplicateContext,
  type ReplicateSpec,
  SteerLLMClient,
} from "steer-llm-sdk";
import { createTypeBasedRule, RuleBasedPlanner } from "steer-llm-sdk/planning";
import { seededRandom } from "steer-llm-sdk/testing";
import { z } from "zod";

const Analysis = z.object({ trend: z.enum(["up", "down", "flat"]), horizonMonths: z.number().int() });

interface AnalysisRequest {
  type: "analysis";
  query: string;
}

class AnalysisBundle extends BundleTool<AnalysisRequest, z.infer<typeof Analysis>> {
  readonly name = "analysis_bundle";
  override readonly description = "Analyses a market by several answers.";
  override readonly capabilities = ["analysis"];
  override readonly defaultOptions = { k: 5, schema: Analysis };

  /** The most that one answer uses: a budget reserves it before the answer is asked for. */
  override estimate() {
    return { tokens: 200, costUsd: 0.002 };
  }

  /** One answer for one seed. Scheduling, checks, retries, the stopping rule and the consensus are the orchestrator's. */
  override async executeReplicate({ query }: AnalysisRequest, { seed }: ReplicateSpec, { signal }: ReplicateContext) {
    signal.throwIfAborted();
    const random = seededRandom(seed);
    const trend = random.next() < 0.75 ? "up" : "flat";
    const inputTokens = query.length;
    const usage = { inputTokens, outputTokens: 20, totalTokens: inputTokens + 20 };
    return { data: { trend, horizonMonths: 12 } as const, usage, costUsd: 0.001, model: "rule-1" };
  }
}

const client = new SteerLLMClient();
client.registerTool(new AnalysisBundle());
console.log("Registered:", Object.keys(client.listTools()));

const planner = new RuleBasedPlanner().addRule(
  createTypeBasedRule({ requestType: "analysis", toolName: "analysis_bundle" }),
);
const orchestrator = new ReliableOrchestrator({ planner });

const output = await orchestrator.run({
  request: { type: "analysis", query: "Analyze market trends" }, // no tool is named: the planner picks it
  options: {
    budget: { tokens: 5000, costUsd: 0.5 },
    idempotencyKey: "analysis-123",
    streaming: true,
  },
  onEvent(event) {
    if (event.type === "plan_selected") console.log(`The planner chose ${event.toolName}.`);
    if (event.type === "replicate_done") console.log(`${event.replicate.id} is there.`);
  },
});

if (hasEvidence(output)) {
  const { summary } = output.content.evidenceBundle;
  console.log(`Confidence: ${summary.confidence.toFixed(2)}`);
  console.log("Consensus: ", summary.consensus);
  for (const { path, values } of summary.disagreements)
    console.log(`Contested:  ${path}, ${values.map(({ value, support }) => `${support} x ${value}`).join(", ")}`);
  console.log(`Cost:       $${output.costUsd?.toFixed(4) ?? "unknown"}`);
} else {
  console.error(output.errors);
  process.exitCode = 1;
}
