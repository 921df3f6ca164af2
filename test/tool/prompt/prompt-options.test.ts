import { expect, test } from "vitest";
import { InvalidOptionsError, Orchestrator, PromptBundleTool } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";

const model = scriptedModel(() => ({ text: "yes" }));
const sound = { name: "ask", model, prompt: "{{question}}" };
const faultsOf = (options: unknown): string => {
  try {
    new PromptBundleTool(options as typeof sound);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return (error as Error).message;
  }
};

test.each([
  ["name", ""],
  ["name", undefined],
  ["model", undefined],
  ["model", 5],
  ["system", 5],
  ["input", { type: "object" }],
  ["prompt", undefined],
  ["prompt", 5],
  ["schema", "x"],
  ["defaultOptions", 5],
  ["temperature", "hot"],
  ["temperature", -1],
  ["maxOutputTokens", -5],
  ["maxOutputTokens", 1.5],
  ["providerOptions", "x"],
  ["provider", 5],
  ["headers", "x"],
  ["headers", { "x-key": 5 }],
  ["baseUrl", "localhost:8899/v1"],
  ["apiKeyEnv", 5],
])("%s: %j is refused where the tool is made", (name, value) => {
  expect(faultsOf({ ...sound, [name]: value })).toContain(`PromptBundleTool(…).${name}`);
});

test("all faults stand in one error, those of defaultOptions once each", () => {
  const message = faultsOf({ ...sound, temperature: "hot", maxOutputTokens: 0, defaultOptions: { k: "3" } });
  expect(message).toMatch(/^3 options cannot be used/);
  for (const path of [".temperature", ".maxOutputTokens", ".defaultOptions.k"]) expect(message).toContain(path);
});

test("no options at all are refused in a sentence", () => {
  expect(faultsOf(undefined)).toContain("an object of options");
});

test.each([
  { stopping: { rule: "horizon", treshold: 0.5 } },
  { compare: { judge: { model: "openai:gpt-5-nano", promt: "x" } } },
  { compare: { lists: { key: "id", order: true } } },
  { compare: { tolerance: { absolute: 1, relativ: 2 } } },
  { escalate: { below: 0.5, to: ["openai:gpt-5"], bellow: 1 } },
])("a misspelt name inside %j is refused", (defaultOptions) => {
  expect(faultsOf({ ...sound, defaultOptions })).toContain("defaultOptions");
});

test("a request that the prompt leaves out is warned of, a variable in single braces by its name", async () => {
  const warnings: string[] = [];
  const run = (prompt: string, request: object) =>
    new Orchestrator().run({
      tool: new PromptBundleTool({ name: "ask", model, prompt }) as PromptBundleTool,
      request: request as Record<string, unknown>,
      onEvent: (event) => void (event.type === "warning" && warnings.push(`${event.code}: ${event.message}`)),
    });
  await run("Report: {report}", { day: 1, report: "x" });
  await run("Say yes.", { report: "x" });
  await run("Say yes.", {});
  expect(warnings).toEqual([
    expect.stringMatching(/^unused_request: .*Write \{\{report\}\} for \{report\}\.$/),
    expect.stringMatching(/^unused_request: .*Write \{\{report\}\} where it belongs\.$/),
  ]);
});
