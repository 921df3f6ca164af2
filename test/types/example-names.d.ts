/** Names that examples in the docs may use without saying where they come from. */

import type * as steer from "steer-llm-sdk";
import type { summarize as summarizeReplicates } from "steer-llm-sdk/evidence";
import type { z as zod } from "zod";

declare global {
  const z: typeof zod;
  const client: steer.SteerLLMClient;
  const orchestrator: steer.ReliableOrchestrator;
  const triage: steer.PromptBundleTool<
    "Report:\n{{report}}",
    { severity: "low" | "high"; component: string },
    "triage"
  >;
  const tool: typeof triage;
  const output: steer.OrchestrationOutput<steer.EvidenceContent<{ severity: "low" | "high"; component: string }>>;
  const request: { report: string };
  const report: string;
  const error: unknown;
  const signal: AbortSignal;
  const answers: readonly unknown[];
  const replicates: Parameters<typeof summarizeReplicates>[0];
}
