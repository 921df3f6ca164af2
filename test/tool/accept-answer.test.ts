import { describe, expect, test } from "vitest";
import { z } from "zod";
import { BundleTool, Orchestrator, PromptBundleTool, type ReplicateResult, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

function giving(result: unknown, schema?: object) {
  return new (class extends BundleTool<object, unknown> {
    readonly name = "vote";
    override readonly defaultOptions = { k: 2, ...(schema && { schema: schema as z.ZodType }) };
    asked = 0;
    override async executeReplicate() {
      this.asked++;
      return result as ReplicateResult<unknown>;
    }
  })();
}

const run = (tool: BundleTool<object, unknown>) => new Orchestrator().run({ tool, request: {} });

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;
let deep: unknown = 1;
for (let level = 0; level < 20_000; level++) deep = [deep];

describe("an answer of executeReplicate", () => {
  test.each([null, undefined, 5, "yes", {}, { data: undefined }, { answer: 1 }])(
    "that has no data (%o) never votes, and the error says what to give",
    async (result) => {
      const output = await run(giving(result));
      expect(output).toMatchObject({ status: "failed", errors: { vote: { type: "TypeError", isRetryable: false } } });
      expect(output.errors?.["vote"]?.message).toContain('executeReplicate of "vote" has to give { data, … }');
    },
  );

  test.each([
    ["a BigInt", { id: 10n }],
    ["a cycle", cycle],
    ["20,000 levels", deep],
    ["a function", () => 1],
    [
      "a getter that throws",
      {
        get id() {
          throw new Error("gone");
        },
      },
    ],
  ])("that is no JSON (%s) is invalid, and the output stays data", async (_, data) => {
    for (const schema of [undefined, z.string()]) {
      const output = await run(giving({ data }, schema));
      expect(output).toMatchObject({ status: "failed", errors: { vote: { category: "invalid_output" } } });
      if (!schema) expect(output.errors?.["vote"]?.message).toContain("no JSON");
      expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    }
  });

  test.each([
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [{ at: new Date(0), note: undefined }, { at: "1970-01-01T00:00:00.000Z" }],
    [Object.assign(Object.create({ inherited: 1 }), { own: 1 }), { own: 1 }],
    [JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
  ])("is in the bundle what it is in JSON: %o", async (data, expected) => {
    const output = await run(giving({ data }));
    expect(unwrap(output).evidenceBundle.summary.consensus).toStrictEqual(expected);
    expect(JSON.parse(JSON.stringify(output))).toStrictEqual(output);
  });

  test("that its schema makes something else of has that as its data, and what was written as its JSON", async () => {
    const schema = z.object({ at: z.string().transform((text) => new Date(text)) });
    const model = scriptedModel(() => ({ object: { at: "1970-01-01" } }));
    const tool = new PromptBundleTool({ name: "when", model, prompt: "x", schema });
    const output = await new Orchestrator().run({ tool, request: {} });
    const { summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary.consensus).toEqual({ at: new Date(0) });
    expect(summary.consensusJson).toEqual({ at: "1970-01-01" });
    expect(replicates[0]).toMatchObject({ data: { at: new Date(0) }, json: { at: "1970-01-01" } });
    const written = JSON.parse(JSON.stringify(unwrap(output).evidenceBundle));
    expect(written.summary.consensus).toEqual({ at: "1970-01-01" });
    expect(written.replicates[0].data).toEqual({ at: "1970-01-01" });
  });
});
