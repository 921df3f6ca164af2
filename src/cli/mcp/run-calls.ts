import { isAbsolute, relative, resolve, sep } from "node:path";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { PartialRun } from "../../contract/errors.ts";
import { CancelledError } from "../../contract/errors.ts";
import type { AnyTool } from "../../contract/tool.ts";
import type { RunTool } from "../../mcp/mcp-server.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import { pathsOf } from "../../tool/prompt/prompt-files.ts";
import { type LoadedTool, limitsOfTools } from "../definition/load-tool.ts";
import { CommandError } from "../faults.ts";
import { JobBudget } from "../job/job-tally.ts";

/** Most calls in flight. */
const mostCalls = 64;
/** Calls among which what is left of `--max-cost-usd` is shared. */
const sharers = 4;

/** Returns how calls are run: by one orchestrator, so that circuits, limits and the ceiling hold for all of them. */
export function createRuns(loaded: readonly LoadedTool[], maxCostUsd: number | undefined): RunTool {
  const orchestrator = new ReliableOrchestrator({
    calibrations: new CalibrationStore(),
    limits: limitsOfTools(loaded),
  });
  const budget = new JobBudget(maxCostUsd, sharers);
  let unpriced: string | undefined;
  let inFlight = 0;
  const run: RunTool = async (tool, request, { signal, onEvent }) => {
    assertFilesInside(tool, request);
    if (!budget.isLimited) return orchestrator.run({ tool, request: request as object, signal, onEvent });
    if (unpriced !== undefined) throw unknownCost(unpriced);
    const partUsd = await budget.admit();
    if (partUsd === undefined)
      throw new CommandError(
        "What is left of this server's budget covers no further call. Tell the user: --max-cost-usd of steer mcp sets it.",
      );
    let costUsd: number | null = 0;
    try {
      if (signal.aborted) throw new CancelledError(signal.reason);
      const options = { budget: { costUsd: partUsd } };
      const output = await orchestrator.run({ tool, request: request as object, options, signal, onEvent });
      costUsd = output.costUsd;
      return output;
    } catch (error) {
      const { partial } = error as { readonly partial?: PartialRun };
      if (partial) costUsd = partial.costUsd;
      throw error;
    } finally {
      budget.settle(partUsd, costUsd);
      if (costUsd === null) unpriced = tool.name;
    }
  };
  return async (...call) => {
    if (inFlight >= mostCalls) throw new CommandError(`This server runs ${mostCalls} calls already. Call again later.`);
    inFlight++;
    try {
      return await run(...call);
    } finally {
      inFlight--;
    }
  };
}

/**
 * Refuses files outside the folder in which the command was started: what a web page tells an agent must not decide which
 * files of this machine are read and sent to a model.
 */
function assertFilesInside(tool: AnyTool, request: unknown): void {
  const { files } = (tool as { promptIdentity?: { files?: readonly string[] } }).promptIdentity ?? {};
  if (files === undefined || typeof request !== "object" || request === null) return;
  for (const path of pathsOf(files, request)) {
    const fromHere = relative(".", path);
    if (fromHere !== ".." && !fromHere.startsWith(`..${sep}`) && !isAbsolute(fromHere)) continue;
    throw new CommandError(
      `${path} is outside the folder that this server reads files in. Give a path inside ${resolve(".")}.`,
    );
  }
}

function unknownCost(name: string): CommandError {
  return new CommandError(
    `The tool ${name} does not say what it costs, so that the budget of this server cannot be kept. Tell the user: its price belongs in its file, or --max-cost-usd of steer mcp is left out.`,
  );
}
