import { describe, expect, test } from "vitest";
import { RunStates, replicateTable } from "../../../src/cli/progress/job-view.ts";
import { createTerminal } from "../../../src/cli/progress/terminal.ts";
import type { OrchestrationEvent } from "../../../src/contract/event.ts";
import { Orchestrator } from "../../../src/orchestrate/orchestrator.ts";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { PromptBundleTool } from "../../../src/tool/prompt/prompt-bundle-tool.ts";

const plain = createTerminal({ write: () => true }, {});

/** The table after each event of a run whose model gives these answers in turn. */
async function tablesOf(texts: readonly string[]): Promise<string[]> {
  const tool = new PromptBundleTool({
    name: "ask",
    model: scriptedModel(texts.map((text) => ({ text }))),
    prompt: "x",
    defaultOptions: { k: texts.length, stopping: "none", maxParallel: 1 },
  });
  const states = new RunStates();
  const tables: string[] = [];
  const onEvent = (event: OrchestrationEvent) => {
    const [before] = states.inFlight;
    states.observe(event);
    const state = states.inFlight[0] ?? before;
    if (state) tables.push(replicateTable(state, plain).join("\n"));
  };
  await new Orchestrator().run({ tool, request: {}, onEvent });
  expect(states.inFlight).toEqual([]);
  return tables;
}

describe("the table of one run", () => {
  test("shows each replicate with the votes for its answer, and the consensus", async () => {
    const table = (await tablesOf(["Paris", "Rome", "Paris"])).at(-1);
    expect(table).toContain("r1         Paris   2 of 3\n");
    expect(table).toContain("r2         Rome    1 of 3\n");
    expect(table).toContain("consensus  Paris\n");
    expect(table).toContain("3 simulated answers, confidence 0.");
  });

  test("shows who was asked before there is an answer", async () => {
    const tables = await tablesOf(["Paris", "Paris"]);
    expect(tables.some((table) => /r1 +asked/.test(table))).toBe(true);
  });

  test("an answer that does not count says why, and does not vote", async () => {
    const table = (await tablesOf(["Paris", "  ", "Paris"])).at(-1);
    expect(table).toMatch(/r2 +no valid answer: the answer is empty/);
    expect(table).toContain("2 of 2");
  });

  test("a line break in an answer breaks no line of the table", async () => {
    expect((await tablesOf(["Par\nis", "Par\nis"])).at(-1)).toContain("r1         Par is  2 of 2");
  });
});
