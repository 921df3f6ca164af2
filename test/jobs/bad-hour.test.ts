import { describe, expect, test } from "vitest";
import { hasEvidence } from "../../src/contract/output.ts";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { PromptBundleTool } from "../../src/tool/prompt/prompt-bundle-tool.ts";
import { type Plan, startBadServer, trafficOf } from "./bad-server.ts";

/** A bad hour within seconds: the same server, with delays and circuits that are a hundredth as long. */
const reliabilityConfig = { initialDelayMs: 20, maxDelayMs: 300, circuitBreaker: { openMs: 300 } };
const always = Number.POSITIVE_INFINITY;
const down = [150, 700, 1_400].map((fromMs) => ({ fromMs, forMs: 200 }));

async function runOver(plan: Plan, count: number) {
  await using server = await startBadServer(plan);
  const tool = new PromptBundleTool({
    name: "reads",
    model: `openai-compatible:${server.baseURL}#model`,
    prompt: "{{report}}",
    defaultOptions: { k: 1 },
  });
  const requests = Array.from({ length: count }, (_, index) => ({ report: `report ${index}` }));
  const orchestrator = new ReliableOrchestrator({ reliabilityConfig, state: new ReliabilityState() });
  const answered = new Set<number>();
  for await (const done of orchestrator.runMany({ tool, requests })) {
    if ("error" in done || !hasEvidence(done.output)) continue;
    if (done.output.content.evidenceBundle.summary.consensus === `answer ${done.index}`) answered.add(done.index);
  }
  return { answered: answered.size, traffic: trafficOf(server.hits) };
}

describe("a job over a server that has a bad hour", () => {
  test.each<[string, number, Plan]>([
    // Each time away costs some thirty calls, however many inputs there are.
    ["is away three times", 600, { latencyMs: 30, down }],
    ["refuses a fifth of its calls", 200, { latencyMs: 10, refuses: { share: 0.2, untilMs: always } }],
    ["drops a tenth of its connections", 200, { latencyMs: 10, drops: { share: 0.1, untilMs: always } }],
    ["limits its calls with Retry-After", 200, { latencyMs: 20, limit: { perSecond: 80, retryAfter: true } }],
    ["limits its calls without Retry-After", 200, { latencyMs: 20, limit: { perSecond: 80, retryAfter: false } }],
  ])("answers every input where it %s, once, and has few calls refused", async (_name, count, plan) => {
    const { answered, traffic } = await runOver(plan, count);
    expect(answered).toBe(count);
    expect(traffic.answered).toBe(count);
    expect(traffic.refusedShare).toBeLessThanOrEqual(plan.refuses ? 0.3 : 0.25);
  });
});
