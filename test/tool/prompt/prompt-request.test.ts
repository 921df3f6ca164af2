/** What a prompt reads of its request. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidOptionsError, Orchestrator, PromptBundleTool } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";

const asked: string[] = [];
const model = scriptedModel(({ prompt }) => {
  asked.push(JSON.stringify(prompt));
  return { text: "yes" };
});

/** The text that the model is asked for a request. */
async function questionOf(tool: PromptBundleTool<any, any, any, any>, request: unknown): Promise<string> {
  asked.length = 0;
  await new Orchestrator().run({ tool, request, toolOptions: { k: 1 } });
  return asked[0] as string;
}

describe("a variable with dots", () => {
  const tool = new PromptBundleTool({ name: "ask", model, prompt: "<{{report.title}}> <{{ report.tags.1 }}>" });

  test("reads inside objects and lists", async () => {
    const question = await questionOf(tool, { report: { title: "Crash", tags: ["a", "b"] } });
    expect(question).toContain("<Crash> <b>");
  });

  test("reads a column of that very name first", async () => {
    const request = { "report.title": "of the column", report: { title: "of the object", tags: [0, 1] } };
    expect(await questionOf(tool, request)).toContain("<of the column> <1>");
  });

  test.each([{}, { report: {} }, { report: null }, { report: "text" }, { report: { title: "x", tags: [] } }])(
    "is missed by name in %j",
    async (request) => {
      await expect(questionOf(tool, request)).rejects.toThrow(/the prompt has \{\{report\.(title|tags\.1)\}\}/);
    },
  );

  test("names the variable that is missing, and the key that was meant", async () => {
    const tool = new PromptBundleTool({ name: "ask", model, prompt: "{{report}} in {{place}}" });
    await expect(questionOf(tool, { reprot: "It crashes", place: "Rome" })).rejects.toThrow(
      "It is missing: the prompt has {{report}} in it, and the request has reprot.",
    );
    await expect(questionOf(tool, { report: "It crashes" })).rejects.toThrow("and the request has report.");
    await expect(questionOf(tool, {})).rejects.toThrow("and the request has nothing.");
  });

  test("reads nothing that every object inherits", async () => {
    const own = new PromptBundleTool({ name: "ask", model, prompt: "{{a.constructor.name}}" });
    await expect(questionOf(own, { a: {} })).rejects.toThrow(InvalidOptionsError);
  });
});

describe("input", () => {
  const input = z.object({ day: z.string().transform((text) => new Date(text)), place: z.string().default("Rome") });

  test("checks the request, and the prompt's function reads what the schema makes of it", async () => {
    const tool = new PromptBundleTool({
      name: "ask",
      model,
      input,
      prompt: ({ day, place }) => `<${day.getUTCFullYear()} in ${place}>`,
    });
    expect(await questionOf(tool, { day: "2020-02-02" })).toContain("<2020 in Rome>");
    await expect(questionOf(tool, { day: 5 })).rejects.toThrow(/request\.day/);
  });

  test("fills the variables of a template, and what the template needs beside it is missed", async () => {
    const filled = new PromptBundleTool({ name: "ask", model, input, prompt: "<{{place}}>" });
    expect(await questionOf(filled, { day: "2020-02-02" })).toContain("<Rome>");
    const lacking = new PromptBundleTool({ name: "ask", model, input, prompt: "<{{town}}>" });
    await expect(questionOf(lacking, { day: "2020-02-02" })).rejects.toThrow("the prompt has {{town}}");
  });

  test("may be asynchronous", async () => {
    const known = z.object({ id: z.string().refine(async (id) => id !== "gone", "is not known") });
    const tool = new PromptBundleTool({ name: "ask", model, input: known, prompt: "{{id}}" });
    expect(await questionOf(tool, { id: "7" })).toContain("7");
    await expect(questionOf(tool, { id: "gone" })).rejects.toThrow("is not known");
  });
});
