import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { BundleToolOptions } from "../../src/contract/bundle-options.ts";
import { InvalidOptionsError, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const schema = z.object({ severity: z.string(), tags: z.array(z.object({ name: z.string() })) });
const answer = { severity: "low", tags: [{ name: "db" }] };

/** Runs a tool over answers like `answer`; gives the messages of warnings and how often the model was asked. */
async function ask(answersFit: z.ZodType<any> | undefined, toolOptions: BundleToolOptions) {
  let calls = 0;
  const model = scriptedModel(() => {
    calls++;
    return { text: JSON.stringify(answer) };
  });
  const tool = new PromptBundleTool({ name: "triage", model, prompt: "What is it?", schema: answersFit });
  const warnings: string[] = [];
  const run = new Orchestrator().run({
    tool,
    request: {},
    toolOptions: { k: 3, ...toolOptions },
    onEvent: (event) => {
      if (event.type === "warning") warnings.push(event.message);
    },
  });
  const error = await run.then(
    (result) => void unwrap(result),
    (thrown: unknown) => thrown,
  );
  return { calls, warnings, error };
}

describe("a field that options speak of", () => {
  test.each<[string, BundleToolOptions]>([
    ["toolOptions.fields", { fields: ["/severity", "/severty"] }],
    ["toolOptions.compare.byPath", { compare: { byPath: { "/severty": { text: true } } } }],
    ["toolOptions.compare.weights", { compare: { weights: { "/severty": 2, "/tags": 0 } } }],
  ])("and that the schema does not have is refused in %s before any call", async (path, toolOptions) => {
    const { calls, error } = await ask(schema, toolOptions);
    const cause = InvalidOptionsError.isInstance(error) ? error : (error as Error).cause;
    expect(cause).toMatchObject({ issues: [{ path, given: "/severty" }] });
    expect((cause as Error).message).toContain('(/severity, /tags, /tags/*, /tags/*/name); did you mean "/severity"?');
    expect(calls).toBe(0);
  });

  test.each<[string, z.ZodType<any>]>([
    ["a transformation", schema.transform((value) => ({ urgency: value.severity }))],
    ["a record", z.record(z.string(), z.any())],
    ["additional properties", z.looseObject({ severity: z.string() })],
    ["a union", z.union([schema, z.object({ urgency: z.string() })])],
  ])("is let through where %s may give it", async (_, open) => {
    const { calls, error } = await ask(open, { fields: ["/urgency"] });
    expect(error).toBeUndefined();
    expect(calls).toBeGreaterThan(0);
  });

  test("may be one of the items of a list", async () => {
    const { error, warnings } = await ask(schema, { fields: ["/tags/*/name", "/tags/0"] });
    expect(error).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test("is warned of where no answer has it and no schema says what there is", async () => {
    const { error, warnings } = await ask(z.record(z.string(), z.any()), { fields: ["/severity", "/nope"] });
    expect(error).toBeUndefined();
    expect(warnings).toEqual([
      "no answer has /nope, given as toolOptions.fields; answers have /severity, /tags/0/name",
    ]);
  });

  test("is looked for at every index where it says *", async () => {
    const rows = [["a"], ["a", "b"], ["a"], ["a"]];
    let calls = 0;
    const model = scriptedModel(() => {
      const names = rows[calls++] ?? [];
      return { text: JSON.stringify({ rows: names.map((name) => ({ name, note: calls })) }) };
    });
    const fitting = z.object({ rows: z.array(z.object({ name: z.string(), note: z.number() })) });
    const tool = new PromptBundleTool({ name: "rows", model, prompt: "Which?", schema: fitting });
    const toolOptions: BundleToolOptions = { k: 4, stopping: "lossless", fields: ["/rows/*/name"] };
    const { meta } = unwrap(await new Orchestrator().run({ tool, request: {}, toolOptions })).evidenceBundle;
    expect(meta).toMatchObject({ kCompleted: 3, earlyStopReason: expect.stringContaining("in /rows/1/name") });
  });
});
