import { describe, expect, test } from "vitest";
import { BundleTool, defineTool, ReliableOrchestrator, type ToolContext } from "../../src/index.ts";
import { ReliabilityState, RetryableError } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing.ts";

class Counting extends BundleTool<{ q: string }, { yes: boolean }> {
  readonly name = "counting";
  resolved = 0;

  override resolveOptions(given: any) {
    this.resolved++;
    return super.resolveOptions(given);
  }

  override async executeReplicate() {
    return { data: { yes: true } };
  }
}

/** Asks for fewer answers than the run says. */
class Modest extends Counting {
  override execute(request: { q: string }, options: any, context: ToolContext) {
    return super.execute(request, { ...options, k: 2, seeds: undefined }, context);
  }
}

describe("options of a tool", () => {
  test("are resolved once a run, whatever the number of replicates", async () => {
    const tool = new Counting();
    await new ReliableOrchestrator().run({ tool, request: { q: "?" }, toolOptions: { k: 5 } });
    expect(tool.resolved).toBe(1);
  });

  test("are resolved again where a subclass hands on other ones", async () => {
    const tool = new Modest();
    const output = await new ReliableOrchestrator().run({ tool, request: { q: "?" }, toolOptions: { k: 5 } });
    expect(output).toMatchObject({ status: "completed", content: { evidenceBundle: { replicates: { length: 2 } } } });
  });

  test("changed by one attempt are as they were for the next one", async () => {
    const clock = createFakeClock();
    const seen: unknown[] = [];
    const tool = defineTool({
      name: "greedy",
      execute(_request: object, options) {
        seen.push(options["depth"]);
        options["depth"] = 0;
        if (seen.length < 2) throw new RetryableError("again");
        return "done";
      },
    });
    const orchestrator = new ReliableOrchestrator({ clock, state: new ReliabilityState({ clock }) });
    const pending = orchestrator.run({ tool, request: {}, toolOptions: { depth: 3 } });
    await clock.runAll();
    expect(await pending).toMatchObject({ content: "done" });
    expect(seen).toEqual([3, 3]);
  });
});
