import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { CancelledError } from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { systemClock } from "../../core/clock.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { defaultGiveUpAfterMs, ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { AcceptedLines } from "../accept/accept-job.ts";
import type { SignalRuns } from "../accept/buy-signals.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { CommandError, codeOfOutput, exitCode } from "../faults.ts";
import type { OutputLine } from "../output/output-line.ts";
import { counted, showCount, showOnLine, showUsd, toSafeJson } from "../progress/format.ts";
import { createJobView, type JobView } from "../progress/job-view.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { batchedTool, batchesOf, batchLeaseMs, mostAtOnce, openBatches } from "./batch-job.ts";
import { type JobFlags, runOptionsFrom } from "./job-flags.ts";
import type { JobTally } from "./job-tally.ts";

import { answersOf } from "./kept-answers.ts";
import { type PreparedJob, prepareJob } from "./prepare-job.ts";
import { runJob } from "./run-job.ts";

/**
 * A tool over inputs, followed on the terminal, with an output file that a later run goes on with.
 *
 * @param isPart of a larger command, whose standard output is its own: only the progress is shown, and no report
 * @returns the exit code
 * @throws CommandError for what cannot be used; what was answered by then is kept
 */
export async function runToolJob(
  loaded: LoadedTool,
  flags: JobFlags,
  { isPart = false }: { readonly isPart?: boolean } = {},
): Promise<number> {
  const job = await prepareJob(loaded, flags);
  const { tally, log, limits } = job;
  const shared = flags.queue === undefined ? undefined : await openQueue(flags.queue);
  const store = shared ? undefined : answersOf(flags);
  const view = followJob(tally, flags.output, isPart ? "part" : flags.json ? "json" : "people");
  const batches = await batchesFor(loaded, flags, job, view);
  const onFirst = () => {
    if (!batches) return view.notify("Finishing what is in flight. Once more stops at once.");
    view.notify("Leaving the batches to the provider. The same command goes on with them.");
    batches.left.abort(new CancelledError("the job leaves its batches to the provider"));
  };
  const interrupt = new Interrupt({ onFirst, onSecond: view.end });
  process.stdout.on("error", (error) => interrupt.request(codeOfOutput(error)));
  let accepted: AcceptedLines | undefined;
  // A signal is a further opinion: it is asked for, also where an answer to the same question is there.
  const runs = {
    orchestrator: new ReliableOrchestrator({ calibrations: new CalibrationStore(), limits }),
    options: { ...runOptionsFrom(flags), ...(batches && { maxParallel: mostAtOnce }) },
    concurrency: flags.concurrency,
    giveUpAfterMs: flags.giveUpAfter ?? (batches ? defaultGiveUpAfterMs + batches.maxWaitMs : unlessTold(tally)),
    finish: interrupt.scope,
    onWait: view.wait,
  };
  try {
    await runJob({
      ...job,
      ...runs,
      ...(batches && { tool: batchedTool(job.tool, batches.model), left: batches.left }),
      ...(batches && { toolOptions: { ...job.toolOptions, maxParallel: mostAtOnce } }),
      orchestrator:
        shared?.orchestratorOf(job.tool) ??
        new ReliableOrchestrator({
          calibrations: new CalibrationStore(),
          store,
          // Limits are of calls that are answered at once.
          ...(batches ? { reliabilityConfig: { leaseMs: batchLeaseMs } } : { limits }),
        }),
      inputs: job.inputs(),
      listen: listenTo(batches ? { ...view, observe: undefined } : view),
      onLine(line) {
        log?.append(line);
        tally.settle(line);
        view.settle(line, tally);
      },
    });
    if (!interrupt.scope.aborted) accepted = await acceptLines(job, flags, { ...runs, notify: view.notify });
  } finally {
    view.end();
    interrupt[Symbol.dispose]();
    process.stdin.destroy();
    await job.close(accepted !== undefined);
    await store?.close();
    await shared?.close();
    if (accepted) tellLines(accepted.told, flags);
    if (log && !log.isDevice && tally.doneCount > 1 && !isPart) await tellReport(log.path, tally, flags);
  }
  return interrupt.exitCode ?? (tally.failedCount > 0 ? exitCode.someFailed : exitCode.done);
}

/** Loads the queue only for jobs that workers run. */
async function openQueue(url: true | string) {
  const { openSharedPlace, QueuedOrchestrator } = await import("../queue/queued-orchestrator.ts");
  const place = openSharedPlace(url === true ? undefined : url);
  return { orchestratorOf: (tool: AnyTool) => new QueuedOrchestrator(place, tool), close: place.close };
}

/** @throws CommandError for a model without batches, once the output file is closed */
async function batchesFor(loaded: LoadedTool, flags: JobFlags, { log, close }: PreparedJob, view: JobView) {
  if (!flags.batch || !log) return undefined;
  try {
    return await openBatches(loaded, flags, batchesOf(log.path), view);
  } catch (error) {
    await close();
    throw InvalidOptionsError.isInstance(error) ? new CommandError(error.message, { cause: error }) : error;
  }
}

/** A single input waits for nothing. A job that has answers waits for their server the whole time. */
function unlessTold({ totalCount, keptCount }: JobTally): number | undefined {
  if (totalCount === 1) return 0;
  return keptCount > 0 ? defaultGiveUpAfterMs : undefined;
}

/** Accepts the answers of the finished job, and writes the verdicts into its output file. */
async function acceptLines(
  { accept, log, head, tally }: PreparedJob,
  { maxCostUsd }: JobFlags,
  runs: Omit<SignalRuns, "leftUsd" | "guessedUsd" | "onSignal">,
): Promise<AcceptedLines | undefined> {
  if (!accept || !log || log.isDevice) return undefined;
  const { acceptAnswersOf } = await import("../accept/accept-job.ts");
  const spentUsd = tally.costUsd ?? 0;
  const guessedUsd = (spentUsd - tally.signalsUsd) / Math.max(1, tally.doneCount);
  const leftUsd = maxCostUsd === undefined ? undefined : maxCostUsd - spentUsd;
  const { qualityRequirements: _ofAnswers, ...options } = runs.options;
  const accepted = await acceptAnswersOf({
    ...accept,
    path: log.path,
    head,
    runs: { ...runs, options, leftUsd, guessedUsd, onSignal: (signal) => tally.paySignal(signal) },
  });
  await log.accept(accepted.verdicts);
  return accepted;
}

function tellLines(lines: readonly string[], { json }: JobFlags): void {
  createTerminal(json ? process.stderr : process.stdout).write(lines.map((line) => `${line}\n`).join(""));
}

/** Shows a job: as JSON its lines on standard output, what is for people beside them, and what it came to. */
function followJob(tally: JobTally, outputPath: string | undefined, shownAs: "people" | "json" | "part"): JobView {
  const terminal = createTerminal(shownAs === "people" ? process.stdout : process.stderr);
  const view = createJobView(terminal, tally);
  return {
    observe: view.observe,
    notify: view.notify,
    wait: view.wait,
    settle(line: OutputLine) {
      if (shownAs === "json") process.stdout.write(`${toSafeJson(line)}\n`);
      view.settle(line, tally);
    },
    end() {
      view.end();
      const isSaidAlready = tally.totalCount === 1 && outputPath === undefined;
      if (!isSaidAlready) terminal.write(`${describeEnd(tally, outputPath, terminal)}\n`);
    },
  };
}

/** Jobs of so few lines are always told at their end. */
const fewLines = 2_000;
/** Reading a line takes a fraction of this. */
const leastMsPerLine = 2;

/** Shows the report of a job in short, where reading its file again takes little beside the job. */
async function tellReport(file: string, tally: JobTally, { json, minConfidence }: JobFlags): Promise<void> {
  const terminal = createTerminal(json ? process.stderr : process.stdout);
  const isCheap = tally.doneCount <= fewLines || tally.msPerLine(systemClock.now()) >= leastMsPerLine;
  const { describeShortly } = await import("../report/report-job.ts");
  const lines = isCheap ? await describeShortly(file, minConfidence, terminal) : [];
  if (isCheap && lines.length === 0) return;
  terminal.write([...lines, `More: steer report ${showOnLine(file)}`].map((line) => `${line}\n`).join(""));
}

/** The end of a job in words, and how to go on where it is not finished. */
export function describeEnd(tally: JobTally, outputPath: string | undefined, { colors }: Terminal): string {
  const { doneCount, failedCount, totalCount, costUsd } = tally;
  const isComplete = totalCount === undefined || doneCount >= totalCount;
  const of = totalCount === undefined ? "" : ` of ${showCount(totalCount)}`;
  const failed = failedCount === 0 ? "" : `, ${colors.red(`${showCount(failedCount)} without an answer`)}`;
  const done = `${showCount(doneCount)}${of} ${doneCount === 1 && of === "" ? "input" : "inputs"} done${failed}, ${showUsd(costUsd)}.`;
  if (outputPath === undefined || doneCount === 0) return done;
  const kept = ` ${counted(doneCount, "line")} in ${outputPath}.`;
  if (!isComplete) return `${done}${kept} The same command goes on from there.`;
  return done + kept + (failedCount > 0 ? " --retry-failed asks the failed ones again." : "");
}

/** Tells once what holds for every input: the first run is always listened to, the others where the view shows events. */
function listenTo({ observe, notify }: JobView): () => ((event: OrchestrationEvent) => void) | undefined {
  let isFirst = true;
  return () => {
    if (!isFirst) return observe;
    isFirst = false;
    return (event) => {
      if (event.type === "warning" && event.code === "threshold_out_of_reach") notify(event.message);
      observe?.(event);
    };
  };
}

const codeOfSignal = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;
type StopSignal = keyof typeof codeOfSignal;

/** Ctrl-C (or SIGTERM) asks a job to finish what it has begun; the second one ends the process at once. */
class Interrupt implements Disposable {
  readonly #reactions: { onFirst(): void; onSecond(): void };
  /** Aborts with the exit code of the process, once that was asked to end. */
  readonly scope = new CancelScope();

  constructor(reactions: { onFirst(): void; onSecond(): void }) {
    this.#reactions = reactions;
    for (const name of Object.keys(codeOfSignal)) process.on(name, this.#receive);
  }

  get exitCode(): number | undefined {
    return this.scope.reason as number | undefined;
  }

  /** Asks for the same for a reason of our own. */
  request(code: number): void {
    this.scope.abort(code);
  }

  [Symbol.dispose](): void {
    for (const name of Object.keys(codeOfSignal)) process.off(name, this.#receive);
  }

  readonly #receive = (name: StopSignal): void => {
    if (this.scope.aborted) {
      this.#reactions.onSecond();
      process.exit(codeOfSignal[name]);
    }
    this.request(codeOfSignal[name]);
    this.#reactions.onFirst();
  };
}
