import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { type ScriptedAnswer, scriptedModel } from "../../../src/testing.ts";
import { startOpenAIServer } from "../../support/openai-server.ts";

const invoice = z.object({ items: z.array(z.number()), total: z.number() });
type Invoice = z.infer<typeof invoice>;
const addsUp = ({ items, total }: Invoice) => {
  const sum = items.reduce((all, item) => all + item, 0);
  return sum === total || `the total is ${total}, and the items add up to ${sum}`;
};

function invoiceTool(answers: readonly object[], options: object = {}) {
  const model = scriptedModel(answers.map((object) => ({ object })));
  const tool = new PromptBundleTool({
    name: "invoice",
    model,
    prompt: "{{text}}",
    schema: invoice,
    check: addsUp,
    defaultOptions: { k: 3, stopping: "none", maxParallel: 1, ...options },
  });
  return { model, tool };
}

describe("an answer that the tool's check refuses", () => {
  test("does not vote, and its reason goes to the model, which answers once more", async () => {
    const right = { items: [1, 2], total: 3 };
    await using server = await startOpenAIServer(
      { text: '{"items":[1,2],"total":4}' },
      { text: '{"items":[1,2],"total":3}' },
    );
    const tool = new PromptBundleTool({
      name: "invoice",
      model: `openai-compatible:${server.baseURL}#m`,
      prompt: "{{text}}",
      schema: invoice,
      check: addsUp,
      defaultOptions: { k: 1 },
    });
    const { evidenceBundle } = unwrap(await new ReliableOrchestrator().run({ tool, request: { text: "1 and 2" } }));
    expect(evidenceBundle.summary).toMatchObject({ consensus: right, validCount: 1 });
    expect(evidenceBundle.replicates[0]).toMatchObject({ attempts: 2, usage: { requests: 2 } });
    expect(JSON.stringify(server.calls[1]?.body.messages)).toContain("the total is 4, and the items add up to 3");
  });

  test("is an invalid replicate with that reason where no correction helps", async () => {
    const wrong = { items: [1, 2], total: 4 };
    const { tool } = invoiceTool([wrong, wrong, { items: [5], total: 5 }, wrong, wrong]);
    const { evidenceBundle } = unwrap(await new Orchestrator().run({ tool, request: { text: "" } }));
    const { summary, replicates } = evidenceBundle;
    expect(summary).toMatchObject({ consensus: { items: [5], total: 5 }, validCount: 1, invalidCount: 2 });
    expect(replicates.filter(({ valid }) => !valid)[0]?.quality.errors).toEqual([
      "the total is 4, and the items add up to 3",
    ]);
  });

  test("cannot come back as a consensus put together from answers that pass", async () => {
    const answers = [
      { items: [1, 2], total: 3 },
      { items: [1, 2], total: 3 },
      { items: [4, 4], total: 8 },
      { items: [1, 7], total: 8 },
      { items: [2, 6], total: 8 },
    ];
    const { tool } = invoiceTool(answers, { k: 5 });
    const { summary } = unwrap(await new Orchestrator().run({ tool, request: { text: "" } })).evidenceBundle;
    expect(addsUp(summary.consensus as Invoice)).toBe(true);
    expect(summary.medoidId).toBeDefined();
  });

  test("is refused out of a journal, too: a check that was sharpened holds for answers that were kept", async () => {
    const store = new MemoryStore();
    const state = new ReliabilityState();
    const orchestrator = new ReliableOrchestrator({ store, state });
    const options = { idempotencyKey: "one" };
    const run = (check: ((answer: string) => boolean) | undefined, script: readonly ScriptedAnswer[]) => {
      const tool = new PromptBundleTool({
        name: "word",
        model: scriptedModel(script),
        prompt: "?",
        check,
        defaultOptions: { k: 2, stopping: "none", maxParallel: 1 },
      });
      return orchestrator.run({ tool, request: {}, options });
    };
    const partial = await run(undefined, [{ text: "bad" }, { status: 401 }]);
    expect(partial.status).toBe("partial");
    const { evidenceBundle } = unwrap(await run((answer) => answer !== "bad", [{ text: "good" }, { text: "good" }]));
    expect(evidenceBundle.replicates.map(({ data }) => data)).toEqual(["good", "good"]);
  });
});

test("a check may wait, sees the request, and lets pass what it says nothing of", async () => {
  const seen: unknown[] = [];
  const tool = new PromptBundleTool({
    name: "quote",
    model: scriptedModel([{ text: "a quotation" }, { text: "in the text" }]),
    prompt: "Quote from {{text}}",
    check: async (answer, { text }) => {
      expectTypeOf(answer).toEqualTypeOf<string>();
      seen.push([answer, text]);
      await Promise.resolve();
      return String(text).includes(answer) ? undefined : "the quotation is not in the text";
    },
    defaultOptions: { k: 1 },
  });
  const request = { text: "what is in the text" };
  const { evidenceBundle } = unwrap(await new ReliableOrchestrator().run({ tool, request }));
  expect(evidenceBundle.summary.consensus).toBe("in the text");
  expect(seen[0]).toEqual(["a quotation", request.text]);
});

test("a check that throws fails the run with its own error: the answers are not at fault", async () => {
  const tool = new PromptBundleTool({
    name: "broken",
    model: scriptedModel(() => ({ text: "yes" })),
    prompt: "?",
    check: (answer) => (answer as any).no.such,
    defaultOptions: { k: 1 },
  });
  const output = await new Orchestrator().run({ tool, request: {} });
  expect(output).toMatchObject({ status: "failed", errors: { broken: { type: "TypeError" } } });
});

test("a check that is no function is refused when the tool is made", () => {
  const make = () => new PromptBundleTool({ name: "t", model: "simulated:", prompt: "?", check: "yes" as any });
  expect(make).toThrow(InvalidOptionsError);
});

test("another model of the same tool is checked as well", async () => {
  const { tool } = invoiceTool([]);
  const other = tool.withModel(
    scriptedModel([{ object: { items: [1], total: 2 } }, { object: { items: [2], total: 2 } }]),
  );
  const { evidenceBundle } = unwrap(
    await new ReliableOrchestrator().run({ tool: other, request: { text: "" }, toolOptions: { k: 1 } }),
  );
  expect(evidenceBundle.summary.consensus).toEqual({ items: [2], total: 2 });
});
