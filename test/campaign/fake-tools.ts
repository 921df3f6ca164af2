import {
  type AnyTool,
  type BundleOptions,
  BundleTool,
  defineTool,
  type PriceSource,
  PromptBundleTool,
  type ReplicateContext,
  type ReplicateResult,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
  type Usage,
} from "../../src/index.ts";
import { AgentsTool } from "../../src/tool/agents-tool.ts";
import { answerOf, voteSchema } from "./answers.ts";
import { fakeModel } from "./fake-model.ts";
import type { FakeProvider, OngoingCall } from "./fake-provider.ts";
import type { Job, ToolKind } from "./scenario.ts";
import type { WorldClock } from "./world-clock.ts";

/** Dollars for a token, of every model that has a price. */
export const tokenPriceUsd = 1e-6;

export const prices: PriceSource = {
  costUsd: ({ modelId, usage }) => (isPriced(modelId) ? usage.totalTokens * tokenPriceUsd : null),
};

export function isPriced(modelId: string): boolean {
  return !modelId.endsWith("/unpriced");
}

interface Making {
  readonly job: Job;
  readonly name: string;
  readonly run: number;
  readonly provider: FakeProvider;
  readonly clock: WorldClock;
  /** Whose circuit breaker its calls fall under. */
  readonly providerName: string;
}

/** The tools of a job, made for one run, so that every call is known by the run that it was made for. */
export function makeTools(
  job: Job,
  run: number,
  provider: FakeProvider,
  clock: WorldClock,
): { tool: AnyTool; fallbacks: AnyTool[] } {
  const make = (kind: ToolKind, place: number) => {
    const name = nameOf(kind, place, job);
    return makers[kind]({ job, name, run, provider, clock, providerName: providerNameOf(name) });
  };
  const [tool, ...fallbacks] = [job.tool, ...job.fallbacks].map(make);
  return { tool: tool as AnyTool, fallbacks };
}

/** Two tools of one name are one tool: whatever makes a difference stands in it. */
function nameOf(kind: ToolKind, place: number, { hasSchema, escalates, judge, maxOutputTokens }: Job): string {
  const facts = [hasSchema && "object", escalates && "escalating", judge, maxOutputTokens];
  return [kind, place, ...facts.filter(Boolean)].join("-");
}

/** Whose circuit breaker the calls of a tool fall under. */
export function providerNameOf(toolName: string): string {
  const [, place = "0"] = toolName.split("-");
  return place === "0" ? "first" : "second";
}

const makers: Record<ToolKind, (making: Making) => AnyTool> = {
  prompt: makePromptTool,
  replicates: (making) => new OwnReplicates(making),
  whole: (making) => new WholeBundle(making),
  plain: makePlainTool,
  agents: makeAgents,
};

function makePromptTool(making: Making): AnyTool {
  const { job, name, run, provider, providerName } = making;
  const { hasSchema, escalates, isStrongerUnpriced, maxOutputTokens } = job;
  const model = (modelId: string) =>
    fakeModel({ run, tool: name, modelId, provider: providerName, hasSchema }, provider);
  return new PromptBundleTool({
    name,
    model: model(`${name}/weak`),
    prompt: "Question: {{question}}",
    ...(hasSchema && { schema: voteSchema }),
    maxOutputTokens,
    defaultOptions: {
      ...judgedBy(making),
      ...(escalates && {
        escalate: { below: 0.9, to: [model(`${name}/strong${isStrongerUnpriced ? "/unpriced" : ""}`)] },
      }),
    },
  });
}

function makeAgents({ name, run, provider, providerName }: Making): AnyTool {
  const agents = ["one", "other"].map((agent) => {
    const model = fakeModel({ run, tool: name, modelId: agent, provider: providerName, hasSchema: false }, provider);
    // It takes a model as any tool does, whatever its type says.
    return { name: agent, prompt: "Question: {{question}}", model: model as unknown as string };
  });
  return new AgentsTool(agents);
}

/** How answers are compared, where somebody else does it. */
function judgedBy({ job: { judge }, clock }: Making): BundleOptions {
  if (!judge) return {};
  const similarity = async (a: string, b: string) => {
    await clock.world.sleep(100);
    if (judge === "broken") throw new Error("The judge is broken.");
    return a === b ? 1 : 0;
  };
  return { compare: { similarity } };
}

function makePlainTool(making: Making): AnyTool {
  return defineTool({
    name: making.name,
    provider: making.providerName,
    async execute(_request: unknown, _options, context) {
      if (making.job.forges) forge(context);
      const call = beginOwn(making, undefined, context.signal);
      const report = (usage: Usage) => context.reportUsage(usage, costOf(usage));
      await serve(call, report);
      const usage = call.use(undefined);
      if (usage) report(usage);
      const { data } = answerOf(call.plan, making.job.hasSchema);
      call.answer(data);
      return data;
    },
  });
}

class OwnReplicates extends BundleTool<unknown, unknown> {
  readonly name: string;
  readonly #making: Making;

  constructor(making: Making) {
    super();
    this.name = making.name;
    this.#making = making;
    Object.assign(this, {
      provider: making.providerName,
      defaultOptions: { ...judgedBy(making), ...(making.job.hasSchema && { schema: voteSchema }) },
    });
  }

  override async executeReplicate(
    _request: unknown,
    { seed }: ReplicateSpec,
    context: ReplicateContext,
  ): Promise<ReplicateResult> {
    if (this.#making.job.forges) forge(context);
    const call = beginOwn(this.#making, seed, context.signal);
    await serve(call, (usage) => context.reportUsage(usage, costOf(usage)));
    const usage = call.use(undefined);
    const { data } = answerOf(call.plan, this.#making.job.hasSchema);
    call.answer(data);
    return { data, model: this.name, ...(usage && { usage, costUsd: costOf(usage) }) };
  }
}

class WholeBundle extends OwnReplicates {
  override executeBundle(request: unknown, options: ResolvedBundleOptions, context: ToolContext) {
    return super.executeBundle(request, options, context);
  }
}

/** Emits what only the orchestrator may say, in two ways. */
function forge({ events }: Pick<ToolContext, "events">): void {
  const emit = events.emit as (type: string, data: object) => void;
  const forged = { type: "cancelled", seq: -1, requestId: "forged", output: null };
  for (const type of ["progress", "run_completed", "cancelled"]) {
    try {
      emit.call(events, type, forged);
    } catch {
      // It may be refused.
    }
  }
}

function beginOwn({ run, name, provider, providerName }: Making, seed: number | undefined, signal: AbortSignal) {
  const facts = { run, tool: name, model: name, provider: providerName, seed };
  return provider.begin({ ...facts, isModelCall: false, allowedTokens: 0 }, signal);
}

/** Waits for the answer; of the calls that fail, some say before what they have used. */
async function serve(call: OngoingCall, report: (usage: Usage) => void): Promise<void> {
  await call.wait();
  if (!call.failure) return;
  if (call.plan.share >= 0.5) report(call.use(undefined) as Usage);
  call.fail(call.failure);
}

function costOf({ totalTokens }: Usage): number {
  return totalTokens * tokenPriceUsd;
}
