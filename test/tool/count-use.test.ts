import { describe, expect, test } from "vitest";
import {
  BundleTool,
  createEvidenceBundle,
  type OrchestrationEvent,
  Orchestrator,
  type ReplicateResult,
  type ResolvedBundleOptions,
  unwrap,
} from "../../src/index.ts";

/** A bundle tool whose answers say this of what they used. */
function answering(figures: { usage?: unknown; costUsd?: unknown }) {
  return new (class extends BundleTool<object, number> {
    readonly name = "vote";
    override async executeReplicate() {
      return { data: 1, ...figures } as ReplicateResult<number>;
    }
  })();
}

const run = (tool: BundleTool<object, number>) =>
  new Orchestrator().run({
    tool,
    request: {},
    toolOptions: { k: 2, stopping: "none", perReplicateBudget: { tokens: 40 } },
    options: { budget: { tokens: 100 } },
  });

describe("an answer that is paid for", () => {
  test("counts by its parts where it says no total", async () => {
    const output = await run(answering({ usage: { inputTokens: 6, outputTokens: 4 } }));
    expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 20, requests: 2 } });
    expect(output.usage).not.toHaveProperty("estimated");
    const { usageTotal } = unwrap(output).evidenceBundle;
    expect(usageTotal).toEqual(output.usage);
  });

  test.each([
    { usage: { inputTokens: -6, outputTokens: 4, totalTokens: 10 } },
    { usage: { inputTokens: 6, outputTokens: "4", totalTokens: 10 } },
    { usage: "ten" },
    { usage: { inputTokens: 6, outputTokens: 4, totalTokens: 10 }, costUsd: Number.NaN },
  ])("is kept where nobody can count %o: what was set aside for it counts, and it says so", async (figures) => {
    const output = await run(answering(figures));
    expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 80, estimated: true }, costUsd: null });
    const { summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary).toMatchObject({ consensus: 1, validCount: 2 });
    expect(replicates[0]?.quality.warnings).toEqual([expect.stringMatching(/cannot be counted: .*counts instead\.$/)]);
  });

  test("is kept as one of many, in a bundle that a tool made by itself", async () => {
    class Whole extends BundleTool<object, number> {
      readonly name = "whole";
      override async executeBundle(_request: object, options: ResolvedBundleOptions) {
        const facts = {
          elapsedMs: 1,
          seed: 1,
          model: "m",
          attempts: 1,
          valid: true,
          quality: { valid: true },
        } as const;
        const usage = { inputTokens: 2, outputTokens: 3 } as never;
        const replicates = [{ ...facts, id: "r1", data: 1, usage }];
        return { ...createEvidenceBundle<number>({ task: this.name, replicates, options }), costTotalUsd: -1 };
      }
    }
    const codes: unknown[] = [];
    const onEvent = (event: OrchestrationEvent) => event.type === "warning" && codes.push(event.code);
    const output = await new Orchestrator().run({ tool: new Whole(), request: {}, onEvent });
    expect(output.status).toBe("completed");
    expect(unwrap(output).evidenceBundle.usageTotal).toMatchObject({ totalTokens: 5 });
    expect(codes).toEqual(["uncounted_usage"]);
  });
});
