/** Names that examples in the docs may use without saying where they come from. */
import type * as steer from "steer-llm-sdk";
import type { LabelledSummary } from "steer-llm-sdk/evidence";
import type { Guard, RunStore } from "steer-llm-sdk/reliability";
import type { z as zod } from "zod";

type Triage = {
  severity: "low" | "high";
  component: string;
};

declare global {
  // The program around the example.
  const z: typeof zod;
  const client: steer.SteerLLMClient;
  const orchestrator: steer.ReliableOrchestrator;
  const triage: steer.PromptBundleTool<"Report:\n{{report}}", Triage, "triage">;
  const tool: typeof triage;
  const lookup: steer.NamedTool<"lookup", { id: string }, { ok: boolean }>;
  const clock: steer.Clock;
  const signal: AbortSignal;
  const store: RunStore;
  const guards: Record<string, Guard>;
  const events: import("steer-llm-sdk/events").EventLog;
  const runId: string;
  /** Agent of the AI SDK, as far as examples use it. */
  class ToolLoopAgent {
    constructor(options: { model: string; tools: Record<string, object> });
    generate(asked: { prompt: string }): Promise<{ text: string }>;
  }

  // What it was given, and what came of it.
  const request: { report: string };
  const requests: readonly { report: string }[];
  const report: string;
  const fingerprint: string;
  const output: steer.OrchestrationOutput<steer.EvidenceContent<Triage>>;
  const error: unknown;
  const answer: { status: string };
  const answers: readonly unknown[];
  const replicate: steer.Replicate<Triage>;
  const replicates: readonly steer.Replicate<Triage>[];
  const summary: steer.BundleSummary<Triage>;
  const judged: readonly LabelledSummary[];

  // Work of its own.
  function ask(question: string, ...details: unknown[]): Promise<any>;
  function work(): Promise<void>;
  function embeddings(a: string, b: string): Promise<number>;
}
