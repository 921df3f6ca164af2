import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { largeBundles } from "../../bench/summary/lists.ts";
import { CancelledError, defineBundleTool, Orchestrator } from "../../src/index.ts";

describe("a process that is busy with evidence", () => {
  test("hears SIGTERM before a large answer is read or summarised", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", "test/faults/programs/busy.ts"]);
    expect(JSON.parse(stdout)).toEqual({ pieces: 5, late: [] });
  }, 180_000);

  test("goes on turning when a run is aborted whose summary takes long, and keeps that evidence", async () => {
    const answers = (largeBundles[0]?.answers() ?? []).slice(0, 5);
    const tool = defineBundleTool({
      name: "summarising",
      input: z.object({}),
      schema: z.any(),
      defaultOptions: { k: answers.length + 1, stopping: "none", maxParallel: answers.length + 1 },
      executeReplicate: (_request, { index }, { signal }) =>
        index < answers.length ? Promise.resolve({ data: answers[index] }) : aborted(signal),
    });
    const controller = new AbortController();
    let [done, turns] = [0, 0];
    const countTurns = () => {
      turns++;
      turn = setImmediate(countTurns);
    };
    let turn: NodeJS.Immediate | undefined;
    const onEvent = ({ type }: { type: string }) => {
      if (type !== "replicate_done" || ++done < answers.length) return;
      controller.abort(new Error("enough"));
      countTurns();
    };
    const error = await new Orchestrator()
      .run({ tool, request: {}, signal: controller.signal, onEvent })
      .catch((thrown) => thrown);
    clearImmediate(turn);
    expect(error).toBeInstanceOf(CancelledError);
    expect(error.partial.content.evidenceBundle.summary.validCount).toBe(answers.length);
    expect(turns).toBeGreaterThan(10);
  }, 60_000);
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}
