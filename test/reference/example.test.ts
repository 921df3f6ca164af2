/** The complete example of the reference, line by line. */
import { expect, test } from "vitest";
import {
  type BundleOptions,
  BundleTool,
  createEvidenceBundle,
  type EvidenceBundle,
  getGlobalRegistry,
  hasEvidence,
  Orchestrator,
  ReliableOrchestrator,
  type Replicate,
  type ResolvedBundleOptions,
  SteerLLMClient,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { eventLog } from "./support.ts";

interface Analysis {
  trend: string;
}

class AnalysisBundleTool extends BundleTool<{ type: string; query: string }, Analysis> {
  get name() {
    return "analysis_bundle";
  }

  override async executeBundle(
    _request: { type: string; query: string },
    options: ResolvedBundleOptions,
  ): Promise<EvidenceBundle<Analysis>> {
    const replicates = options.seeds.map(
      (seed, index): Replicate<Analysis> => ({
        id: `r${index + 1}`,
        seed,
        valid: true,
        data: { trend: index === 2 ? "down" : "up" },
        quality: { valid: true },
        usage: { inputTokens: 100, outputTokens: 20, totalTokens: 120 },
        costUsd: 0.01,
        elapsedMs: 5,
        model: "analyst-1",
        attempts: 1,
      }),
    );
    return createEvidenceBundle({ task: this.name, replicates, options });
  }
}

const client = new SteerLLMClient();
const request = { type: "analysis", query: "Analyze market trends" };

test("Orchestrator with a named tool gives a bundle", async () => {
  client.registerTool(new AnalysisBundleTool(), { replace: true });
  const toolOptions: BundleOptions = { k: 3, epsilon: 0.2 };
  const result = await new Orchestrator().run({
    request,
    toolName: "analysis_bundle",
    toolOptions,
    options: { maxParallel: 10, budget: { tokens: 2000 } },
  });
  expect(result.status).toBe("completed");
  expect(hasEvidence(result) && result.content.evidenceBundle.summary.consensus).toEqual({ trend: "up" });
});

test("ReliableOrchestrator chooses it by the type of the request, and gives the same, with its cost", async () => {
  for (const name of Object.keys(client.listTools())) getGlobalRegistry().unregister(name);
  client.registerTool(new AnalysisBundleTool());
  const log = eventLog();
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
  const result = await orchestrator.run({
    request,
    options: {
      budget: { tokens: 5000, costUsd: 0.5 },
      idempotencyKey: "analysis-123",
      streaming: true,
    },
    onEvent: log.onEvent,
  });
  if (!hasEvidence<Analysis>(result)) return expect.fail(`no evidence: ${JSON.stringify(result)}`);
  const { summary } = result.content.evidenceBundle;
  expect(summary.confidence).toBeGreaterThan(0.3);
  expect(summary.consensus).toEqual({ trend: "up" });
  expect(`Cost: $${result.metadata.costUsd?.toFixed(4)}`).toBe("Cost: $0.0300");
  expect(result.usage.totalTokens).toBe(360);
  expect(log.types()).toEqual([
    "run_started",
    "plan_selected",
    "tool_started",
    "budget_reserved",
    "bundle_ready",
    "run_completed",
  ]);
  expect(log.events.find(({ type }) => type === "plan_selected")).toMatchObject({ toolName: "analysis_bundle" });
});
