import { CancelledError } from "../contract/errors.ts";
import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { NameOf, OrchestrationStream, Picked, RunManyParams, RunOutput, RunParams } from "../contract/run.ts";
import type { OrchestratorSettings } from "../contract/settings.ts";
import type { AnyTool, ContentOf } from "../contract/tool.ts";
import { Emitter } from "../core/emitter.ts";
import { asRejection } from "../core/error-marks.ts";
import { lazily } from "../core/lazily.ts";
import type { FeedbackParams } from "./feedback.ts";
import type { JobTry } from "./job/job-input.ts";
import type { Outcome } from "./job/verdict.ts";
import { type PreparedRun, prepareRun } from "./prepare-run.ts";
import type { Reliability } from "./reliability.ts";
import { checkRunInput, type RunInput } from "./run-input.ts";
import { type RunManyResult, runMany } from "./run-many.ts";
import type { GivenRun } from "./run-params.ts";
import { type ResolvedSettings, resolveSettings, type SettingRule } from "./settings.ts";
import { acceptRequest } from "./tool-input.ts";

const loadStartRun = lazily(() => import("./run.ts"));

/**
 * Runs tools: one at a time, as a stream of events, or over many requests. It plans, retries and remembers nothing;
 * `ReliableOrchestrator` does, with the same methods.
 *
 * @typeParam Tools the tools of its registry, by name, where it was made by `createRegistry`
 *
 * @example
 * ```ts
 * const output = await new Orchestrator().run({ tool: triage, request: { report: "It crashes" } });
 * ```
 */
export class Orchestrator<Tools = {}> {
  /** @internal */
  protected readonly settings: ResolvedSettings;

  /** @throws InvalidOptionsError naming every setting that cannot be used */
  constructor(settings?: OrchestratorSettings<Tools>) {
    this.settings = resolveSettings(settings, new.target.furtherSettings);
  }

  /** Options of every run, where a run does not say otherwise. @internal */
  get runDefaults(): OrchestratorSettings["defaultOptions"] {
    return this.settings.defaultOptions;
  }

  /** The settings that a subclass adds. @internal */
  protected static readonly furtherSettings: Readonly<Record<string, SettingRule>> = {};

  /** True where runs are planned, retried and remembered. @internal */
  protected readonly isReliable: boolean = false;

  /** Plans, retries and remembers runs. @internal */
  protected async reliability(): Promise<Reliability | undefined> {
    return undefined;
  }

  /**
   * Runs a tool on a request.
   *
   * @returns the output: `completed`, `partial` (some evidence, less than asked for), or `failed`
   * @throws InvalidOptionsError, ToolNotFoundError, PlanningError, ConflictError, BudgetExceeded, CancelledError
   */
  run<T extends AnyTool = never, const N extends NameOf<Tools> = never>(
    params: RunParams<Tools, T, N>,
  ): Promise<RunOutput<Tools, T, N>> {
    try {
      return this.start(this.prepare(params as GivenRun)) as Promise<RunOutput<Tools, T, N>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Runs a tool on a request, event by event. The run starts at once; leaving the loop early cancels it.
   *
   * @example
   * ```ts
   * await using stream = orchestrator.stream({ tool: triage, request });
   * for await (const event of stream) console.log(event.type);
   * const output = await stream.output;
   * ```
   */
  stream<T extends AnyTool = never, const N extends NameOf<Tools> = never>(
    params: RunParams<Tools, T, N>,
  ): OrchestrationStream<ContentOf<Picked<Tools, T, N>>> {
    return createRunStream(
      () => this.prepare(params as GivenRun),
      (run) => this.start(run),
    );
  }

  /**
   * Runs one tool over many requests, `concurrency` at a time. Results come in the order in which the runs finish. The
   * budget limits each single run. Leaving the loop cancels the runs in flight.
   *
   * A `ReliableOrchestrator` waits while a provider is away: it holds the requests, sends a few of them to find out
   * whether the provider is back, and then goes on.
   *
   * @throws InvalidOptionsError, ToolNotFoundError before anything has run; the error of the iteration of `requests`;
   *   CancelledError where the signal aborts before all requests were taken, after the results of the runs in flight;
   *   JobStoppedError, on a `ReliableOrchestrator`, for a failure that waiting does not mend, and after `giveUpAfterMs`
   *
   * @example
   * ```ts
   * for await (const done of orchestrator.runMany({ tool: triage, requests, concurrency: 8 }))
   *   if ("error" in done) console.error(done.index, done.error);
   * ```
   */
  runMany<T extends AnyTool = never, const N extends NameOf<Tools> = never>(
    params: RunManyParams<Tools, T, N>,
  ): AsyncIterable<RunManyResult<RunOutput<Tools, T, N>>> {
    this.check(params as GivenRun, { isMany: true });
    return this.overMany(params as RunManyParams<any, any, any>) as AsyncIterable<any>;
  }

  /**
   * Records whether the consensus of a bundle was right, as a whole or by JSON pointer. Once a task, model, schema and K have ten
   * labels, they correct the confidence of later bundles. Labels live as long as the process, or in files with
   * `calibrations: new CalibrationStore()`. Of two verdicts on one bundle the later counts.
   *
   * @throws InvalidOptionsError for anything but a bundle and a verdict, and where `calibrations` keeps no labels
   *
   * @example
   * ```ts
   * const { evidenceBundle: bundle } = unwrap(output);
   * await orchestrator.feedback({ bundle, correct: { "/severity": true, "/component": false } });
   * ```
   */
  async feedback(params: FeedbackParams): Promise<void> {
    const { giveFeedback } = await import("./feedback.ts");
    await giveFeedback(params, this.settings.calibrations);
  }

  /** @internal */
  protected overMany(params: RunManyParams<any, any, any>): AsyncIterable<RunManyResult<OrchestrationOutput>> {
    return runMany(params, (one) => this.run(one as any));
  }

  /** Runs one try of a job's input. @internal */
  async runTry(params: GivenRun, jobTry: JobTry): Promise<OrchestrationOutput> {
    const run = this.prepare(params, jobTry);
    jobTry.cancel = (reason) => run.callerScope.abort(new CancelledError(reason));
    return this.start(run);
  }

  /**
   * Runs a job of a queue.
   *
   * @param willBeRetried returns true of an outcome after which the queue tries the run again
   * @internal
   */
  async runQueued(params: GivenRun, willBeRetried: (outcome: Outcome) => boolean): Promise<OrchestrationOutput> {
    return this.start({ ...this.prepare(params), willBeRetried });
  }

  /**
   * Checks a run that another process is to execute.
   *
   * @throws InvalidOptionsError, ToolNotFoundError
   * @internal
   */
  async assertRunnable(params: GivenRun): Promise<void> {
    const { tool, request } = this.check(params, { isMany: false });
    if (tool) await acceptRequest(tool, request);
  }

  private prepare(params: GivenRun, jobTry?: JobTry): PreparedRun {
    return prepareRun(this.check(params, { isMany: false }), this.settings, jobTry);
  }

  private check(params: GivenRun, { isMany }: { readonly isMany: boolean }): RunInput {
    const { registry, defaultOptions } = this.settings;
    try {
      return checkRunInput(params, { registry, defaultOptions, isReliable: this.isReliable, isMany });
    } catch (error) {
      throw asRejection(error);
    }
  }

  private start(run: PreparedRun): Promise<OrchestrationOutput> {
    const output = this.#execute(run);
    if (run.enclosing && run.enclosing !== "over") run.enclosing.follow(output);
    return output;
  }

  async #execute(run: PreparedRun): Promise<OrchestrationOutput> {
    const { startRun } = await loadStartRun();
    return startRun(run, await this.reliability());
  }
}

/**
 * A run as a stream of its events. A run that is refused at the edge has no events: the loop over it rejects, as its
 * `output` does.
 */
function createRunStream<C>(
  prepare: () => PreparedRun,
  start: (run: PreparedRun) => Promise<OrchestrationOutput>,
): OrchestrationStream<C> {
  try {
    const run = prepare();
    const cancel = (reason: unknown) => run.callerScope.abort(new CancelledError(reason));
    const events = run.events.read(() => cancel("the loop over the stream was left"));
    return streamOf(events, start(run), cancel);
  } catch (error) {
    const refused = new Emitter<OrchestrationEvent>();
    const events = refused.read();
    refused.end(error);
    return streamOf(events, Promise.reject(error), () => {});
  }
}

function streamOf<C>(
  events: AsyncIterableIterator<OrchestrationEvent>,
  output: Promise<OrchestrationOutput>,
  cancel: (reason: unknown) => void,
): OrchestrationStream<C> {
  // A reader of `output` gets the rejection. Without one, it must not end the process.
  output.catch(() => {});
  return {
    output: output as Promise<OrchestrationOutput<C>>,
    cancel: (reason = "stream.cancel() was called") => cancel(reason),
    [Symbol.asyncIterator]: () => events as AsyncIterableIterator<OrchestrationEvent<C>>,
    async [Symbol.asyncDispose]() {
      cancel("the stream was disposed of");
      await output.catch(() => {});
    },
  };
}
