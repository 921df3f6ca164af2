import { AsyncResource } from "node:async_hooks";
import {
  type AnyTool,
  type BundleOptions,
  BundleTool,
  createRegistry,
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
import type { OrchestratorMaker } from "./start-process.ts";
import type { WorldClock } from "./world-clock.ts";

/** Dollars for a token, of every model that has a price. */
export const tokenPriceUsd = 1e-6;

/** Tokens out of a cache cost a tenth. */
export function priceOf({
  totalTokens,
  cachedInputTokens = 0,
}: Pick<Usage, "totalTokens" | "cachedInputTokens">): number {
  return (totalTokens - 0.9 * cachedInputTokens) * tokenPriceUsd;
}

export const prices: PriceSource = {
  costUsd: ({ modelId, usage }) => (isPriced(modelId) ? priceOf(usage) : null),
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
  /** It is made for a run that another tool has started. */
  readonly isInner: boolean;
  /** A name for each run that a tool starts. */
  nextInner(): string;
  readonly orchestratorWith: OrchestratorMaker;
}

/** The tools of a job, made for one run, so that every call is known by the run that it was made for. */
export function makeTools(circumstances: Pick<Making, "job" | "run" | "provider" | "clock" | "orchestratorWith">): {
  tool: AnyTool;
  fallbacks: AnyTool[];
} {
  const { job, run } = circumstances;
  let inner = 0;
  const nextInner = () => `inner-${run}-${++inner}`;
  const make = (kind: ToolKind, place: number) => {
    const name = nameOf(kind, place, job);
    return makers[kind]({ ...circumstances, name, providerName: providerNameOf(name), isInner: false, nextInner });
  };
  const [tool, ...fallbacks] = [job.tool, ...job.fallbacks].map(make);
  return { tool: tool as AnyTool, fallbacks };
}

/** Two tools of one name are one tool: whatever makes a difference stands in it. */
function nameOf(kind: ToolKind, place: number, job: Job): string {
  const { hasSchema, takesSamples, isLong, escalates, judge, maxOutputTokens, nests } = job;
  const facts = [
    hasSchema && "object",
    kind === "prompt" && takesSamples && "sampled",
    kind === "prompt" && isLong && "claude",
    escalates && "escalating",
    judge,
    maxOutputTokens,
    nests,
  ];
  return [kind, place, ...facts.filter(Boolean)].join("-");
}

/** Whose circuit breaker the calls of a tool fall under. */
export function providerNameOf(toolName: string): string {
  const [, place = "0", ...facts] = toolName.split("-");
  const name = place === "0" ? "first" : "second";
  // A server of this name is asked for several answers at once, and one of that name keeps long prompts in a cache.
  if (facts.includes("sampled")) return `openai-compatible:${name}.chat`;
  return facts.includes("claude") ? `anthropic.${name}` : name;
}

const makers: Record<ToolKind, (making: Making) => AnyTool> = {
  prompt: makePromptTool,
  replicates: (making) => new OwnReplicates(making),
  whole: (making) => new WholeBundle(making),
  plain: makePlainTool,
  agents: makeAgents,
};

/** More than a cache wants, by any count of tokens. */
const longText = "The report says that the door of the house is open. ".repeat(120);

function makePromptTool(making: Making): AnyTool {
  const { job, name, run, provider, providerName, isInner } = making;
  const { hasSchema, takesSamples, isLong, escalates, isStrongerUnpriced, maxOutputTokens } = job;
  const model = (modelId: string) =>
    fakeModel({ run, tool: name, modelId, provider: providerName, hasSchema, takesSamples, isInner }, provider);
  return new PromptBundleTool({
    name,
    model: model(`${name}/weak`),
    prompt: `${isLong ? longText : ""}Question: {{question}}`,
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

function makeAgents({ name, run, provider, providerName, isInner }: Making): AnyTool {
  const agents = ["one", "other"].map((agent) => {
    const asked = { hasSchema: false, takesSamples: false, isInner };
    const facts = { run, tool: name, modelId: agent, provider: providerName, ...asked };
    const model = fakeModel(facts, provider);
    // It takes a model as any tool does, whatever its type says.
    return { name: agent, prompt: "Question: {{question}}", model: model as unknown as string };
  });
  return new AgentsTool(agents);
}

/** Options by which the judge of the scenario compares answers. */
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
    execute(_request: unknown, _options, context) {
      if (making.job.forges) forge(context);
      return nesting(making, context, async () => {
        const call = beginOwn(making, undefined, context.signal);
        const report = (usage: Usage) => context.reportUsage(usage, costOf(usage));
        await serve(call, report);
        const usage = call.use(undefined);
        if (usage) report(usage);
        const { data } = answerOf(call.plan, making.job.hasSchema);
        call.answer(data);
        return data;
      });
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
    return nesting(this.#making, context, async () => {
      const call = beginOwn(this.#making, seed, context.signal);
      await serve(call, (usage) => context.reportUsage(usage, costOf(usage)));
      const usage = call.use(undefined);
      const { data } = answerOf(call.plan, this.#making.job.hasSchema);
      call.answer(data);
      const answer = { data, model: this.name };
      if (!usage || !waitsForOthers(this.#making))
        return { ...answer, ...(usage && { usage, costUsd: costOf(usage) }) };
      context.reportUsage(usage, costOf(usage));
      return answer;
    });
  }
}

class WholeBundle extends OwnReplicates {
  override executeBundle(request: unknown, options: ResolvedBundleOptions, context: ToolContext) {
    return super.executeBundle(request, options, context);
  }
}

/** Makes a tool's own call beside runs that it starts, and may go on without them. */
async function nesting<R>(making: Making, context: ToolContext, own: () => Promise<R>): Promise<R> {
  const { job, clock } = making;
  const inner = () => innerRun(making, context);
  const quietly = () => void inner().catch(() => {});
  if (job.nests === "all") return (await Promise.all([own(), inner(), inner()]))[0];
  if (job.nests === "race") return (await Promise.all([own(), Promise.race([inner(), inner()])]))[0];
  if (job.nests === "forgotten") quietly();
  if (job.nests === "late") clock.world.schedule(AsyncResource.bind(quietly), lateMs);
  return own();
}

/** Until a tool starts a run that it has not thought of before. */
const lateMs = 1_000;

/** Whether an own call may have its answer, and its tool still be cut off. */
function waitsForOthers({ job: { nests } }: Making): boolean {
  return nests === "all" || nests === "race";
}

/** Most answers that a run inside another one asks for. */
export const innerK = 2;

/** Runs another tool inside a tool's call, and tells the call what that used. */
async function innerRun(making: Making, { reportUsage }: ToolContext): Promise<void> {
  const { job, orchestratorWith } = making;
  const name = making.nextInner();
  // One that is late may have no caller left who ends its wait for a silent store.
  const isKeyed = job.areInnerKeyed && job.nests !== "late";
  const ofInner: Job = {
    ...job,
    nests: null,
    takesSamples: false,
    forges: false,
    judge: null,
    hasSchema: false,
    escalates: false,
  };
  const make = job.k % 2 === 0 ? makePlainTool : makePromptTool;
  const tool = make({ ...making, job: ofInner, name, providerName: "inner", isInner: true });
  try {
    const { usage, costUsd } = await orchestratorWith(createRegistry([tool])).run({
      tool,
      request: { question: job.question },
      toolOptions: { k: innerK, stopping: "none" },
      options: isKeyed ? { idempotencyKey: name } : {},
    });
    reportUsage(usage, costUsd);
  } catch (error: any) {
    if (error.partial) reportUsage(error.partial.usage, error.partial.costUsd);
    throw error;
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

function beginOwn(
  { run, name, provider, providerName, isInner }: Making,
  seed: number | undefined,
  signal: AbortSignal,
) {
  const facts = { run, tool: name, model: name, provider: providerName, seed };
  return provider.begin({ ...facts, isModelCall: false, isInner, allowedTokens: 0 }, signal);
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
