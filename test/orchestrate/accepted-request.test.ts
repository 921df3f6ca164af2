import { expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool, defineTool, ReliableOrchestrator, unwrap } from "../../src/index.ts";
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

test("no attempt can change what a schema has made of the request, as none can change a request without one", async () => {
  const input = z.object({ items: z.array(z.number()) });
  const execute = ({ items }: z.infer<typeof input>) => items.push(1);
  const orchestrator = new ReliableOrchestrator({ clock: createFakeClock() });
  for (const tool of [defineTool({ name: "checked", input, execute }), defineTool({ name: "unchecked", execute })]) {
    const output = await orchestrator.run({ tool, request: { items: [] } });
    expect(output.errors?.[tool.name]).toMatchObject({
      type: "TypeError",
      message: expect.stringContaining("not extensible"),
    });
  }
});

test("every attempt has the options that the run was given, whatever the attempt before has done to its own", async () => {
  const clock = createFakeClock();
  const seen: unknown[] = [];
  const tool = defineTool({
    name: "counting",
    execute: (_request: object, options) => {
      seen.push({ ...options });
      options["used"] = true;
      if (seen.length < 3) throw Object.assign(new Error("busy"), { status: 503 });
      return "done";
    },
  });
  const pending = new ReliableOrchestrator({ clock }).run({ tool, request: {}, toolOptions: { limit: 5 } });
  await clock.runAll();
  expect((await pending).status).toBe("completed");
  expect(seen).toEqual([{ limit: 5 }, { limit: 5 }, { limit: 5 }]);
});
