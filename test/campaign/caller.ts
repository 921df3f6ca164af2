import {
  type Budget,
  createRegistry,
  type OrchestrationEvent,
  type OrchestrationOutput,
  type OrchestrationStream,
} from "../../src/index.ts";
import { fingerprintRun } from "../../src/orchestrate/key/run-fingerprint.ts";
import type { FakeProvider } from "./fake-provider.ts";
import { makeTools, tokenPriceUsd } from "./fake-tools.ts";
import type { PlayedRun } from "./history.ts";
import { plannerOf } from "./planners.ts";
import { redactions } from "./redactions.ts";
import type { Job, RunPlan } from "./scenario.ts";
import type { OrchestratorMaker } from "./start-process.ts";
import type { WorldClock } from "./world-clock.ts";

/** Where a run is played. */
export interface Stage {
  readonly job: Job;
  readonly provider: FakeProvider;
  readonly clock: WorldClock;
  /** The signal that several runs share. */
  readonly shared: AbortSignal;
  nextStep(): number;
  readonly orchestratorWith: OrchestratorMaker;
}

/** One who asks for a run, may not wait for its end, and writes down what there is to see. */
export class Caller {
  readonly #run: PlayedRun;
  readonly #stage: Stage;
  readonly #own = new AbortController();
  #stream: OrchestrationStream | undefined;

  constructor(run: PlayedRun, stage: Stage) {
    this.#run = run;
    this.#stage = stage;
  }

  /** Plays the run to its end. */
  async play(): Promise<void> {
    const outcome = await this.#ask().then(
      (output) => ({ output }),
      (error) => ({ error }),
    );
    this.#signal.removeEventListener("abort", this.#noteEnd);
    this.#run.settledAtMs = this.#stage.clock.now();
    this.#run.settledStep = this.#stage.nextStep();
    this.#run.outcome = outcome;
  }

  /** Has waited long enough. */
  giveUp(): void {
    if (this.#run.outcome) return;
    this.#noteEnd();
    this.#own.abort("patience");
    this.#stream?.cancel("patience");
  }

  async #ask(): Promise<OrchestrationOutput> {
    const { plan } = this.#run;
    const { clock } = this.#stage;
    this.#run.startedAtMs = clock.now();
    const { orchestrator, params } = this.#prepare();
    this.#signal.addEventListener("abort", this.#noteEnd);
    if (this.#signal.aborted) this.#noteEnd();
    if (plan.end && "ms" in plan.end.at) clock.world.schedule(() => this.#end(), plan.end.at.ms);
    if (plan.form === "run") return orchestrator.run(params);
    this.#stream = orchestrator.stream(params);
    return this.#read(this.#stream);
  }

  get #signal(): AbortSignal {
    return this.#run.plan.isOnSharedSignal ? this.#stage.shared : this.#own.signal;
  }

  #prepare() {
    const { job, provider, clock, orchestratorWith } = this.#stage;
    const { plan, index, requestId } = this.#run;
    const { tool, fallbacks: others } = makeTools({ job, run: index, provider, clock, orchestratorWith });
    const fallbacks = job.repeatsFallbacks ? [tool, ...others, ...others] : others;
    const params = {
      request: { question: job.question },
      toolOptions: toolOptionsOf(job),
      options: { ...runOptionsOf(plan), requestId, ...(job.key !== null && { idempotencyKey: job.key }) },
      signal: this.#signal,
      onEvent: (event: OrchestrationEvent) => this.#hear(event),
    };
    const choices = {
      tool: { tool, fallbackTools: fallbacks },
      name: { toolName: tool.name, fallbackTools: fallbacks.map(({ name }) => name) },
      planner: {},
    };
    const toolName = job.choice === "planner" ? undefined : tool.name;
    const { request, toolOptions } = params;
    this.#run.fingerprint = fingerprintRun({ request, toolName, toolOptions, agents: undefined });
    const orchestrator = orchestratorWith(createRegistry([tool, ...others]), plannerOf(job));
    return { orchestrator, params: { ...params, ...choices[job.choice] } as any };
  }

  #hear(event: OrchestrationEvent): unknown {
    const { clock, nextStep } = this.#stage;
    this.#run.events.push(event);
    this.#run.heard.push({ atMs: clock.now(), step: nextStep() });
    if (this.#run.plan.form === "run" && this.#isAtEnd(event)) this.#end();
    const { listener } = this.#run.plan;
    if (listener === "mutates") mutate(event);
    if (listener === "throws") throw new Error("the listener is broken");
    if (listener === "rejects") return Promise.reject(new Error("the listener is broken"));
  }

  async #read(stream: OrchestrationStream): Promise<OrchestrationOutput> {
    const { streamed, plan } = this.#run;
    for await (const event of stream) {
      streamed.push(event);
      if (!this.#isAtEnd(event)) continue;
      this.#end();
      if (plan.end?.by === "leave") return stream.output;
    }
    this.#run.hasReadAll = true;
    return stream.output;
  }

  #isAtEnd({ seq }: OrchestrationEvent): boolean {
    const at = this.#run.plan.end?.at;
    return at !== undefined && "event" in at && at.event === seq;
  }

  #end(): void {
    const { isOnSharedSignal, end } = this.#run.plan;
    const isByStream = this.#stream && (isOnSharedSignal || end?.by !== "signal");
    if (this.#run.outcome || (isOnSharedSignal && !isByStream)) return;
    this.#noteEnd();
    if (!isByStream) this.#own.abort("enough");
    else if (end?.by === "dispose") void this.#stream?.[Symbol.asyncDispose]();
    else if (end?.by !== "leave" || "ms" in end.at) this.#stream?.cancel("enough");
  }

  readonly #noteEnd = () => {
    if (!this.#run.outcome) this.#run.endedByCallerAtMs ??= this.#stage.clock.now();
  };
}

/** Changes what an event carries, as far as it lets itself be changed. */
function mutate(event: any): void {
  const bundle = event.evidenceBundle ?? event.output?.content?.evidenceBundle;
  for (const replicate of [event.replicate, ...(bundle?.replicates ?? [])])
    for (const [part, name] of [
      [replicate?.data, "vote"],
      [replicate, "data"],
      [replicate?.usage, "totalTokens"],
    ])
      attempt(() => (part[name] = 99));
  attempt(() => (event.summary.consensus = "forged"));
  attempt(() => (bundle.summary.consensus = "forged"));
}

function attempt(change: () => unknown): void {
  try {
    change();
  } catch {
    // It is not there, or frozen.
  }
}

function toolOptionsOf(job: Job): Record<string, unknown> {
  const { k, stopping, maxParallel, hasOwnSeeds, areCeilingsInDollars } = job;
  const perReplicateBudget = budgetOf(job.perReplicateTokens, job.perReplicateTimeMs, areCeilingsInDollars);
  const globalBudget = budgetOf(job.globalTokens, job.globalTimeMs, areCeilingsInDollars);
  return {
    k,
    stopping,
    maxParallel,
    ...(hasOwnSeeds && { seeds: [11, 12, 13, 14, 15, 16] }),
    ...(perReplicateBudget && { perReplicateBudget }),
    ...(globalBudget && { globalBudget }),
  };
}

function runOptionsOf(plan: RunPlan) {
  const { isStreaming, budgetTokens, isBudgetInDollars, budgetMs, timeoutMs, redact } = plan;
  const budget = budgetOf(budgetTokens, budgetMs, isBudgetInDollars);
  return {
    streaming: isStreaming,
    timeoutMs,
    ...(budget && { budget }),
    ...(redact && { redact: redactions[redact] }),
  };
}

function budgetOf(tokens: number | undefined, timeMs: number | undefined, isInDollars: boolean): Budget | undefined {
  if (tokens === undefined && timeMs === undefined) return undefined;
  const most = isInDollars ? { costUsd: tokens && tokens * tokenPriceUsd } : { tokens };
  return { ...most, timeMs };
}
