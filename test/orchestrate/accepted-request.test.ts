import { expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool, ReliableOrchestrator, unwrap } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing.ts";

test("a run that is resumed pays for no replicate again where the input schema fills in the time of the run", async () => {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock, state: new ReliabilityState() });
  const asked: number[] = [];
  let isDown = true;
  const tool = defineBundleTool({
    name: "dated",
    input: z.object({ q: z.string(), askedAt: z.number().default(() => clock.now()) }),
    schema: z.object({ a: z.string() }),
    defaultOptions: { k: 3, stopping: "none", maxParallel: 1 },
    executeReplicate: async (_request, { index }) => {
      if (index === 2 && isDown) throw Object.assign(new Error("refused"), { status: 401 });
      asked.push(index);
      return { data: { a: "x" } };
    },
  });
  const run = { tool, request: { q: "hi" }, options: { idempotencyKey: "key" } };
  const first = await orchestrator.run(run);
  expect(first.status).toBe("partial");
  await clock.advance(1_000);
  isDown = false;
  const second = await orchestrator.run(run);
  expect(asked).toEqual([0, 1, 2]);
  const seeds = (output: typeof first) => unwrap(output).evidenceBundle.meta.seeds;
  expect(seeds(second)).toEqual(seeds(first));
});
