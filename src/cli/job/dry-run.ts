import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { LanguageModelLike, PromptMessage } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { createStoppingRule, type StoppingRuleOptions } from "../../evidence/stopping.ts";
import { isUnder, paceKey } from "../../guard/limits.ts";
import { acceptRequest } from "../../orchestrate/tool-input.ts";
import type { ModelAccess } from "../../provider/find-model.ts";
import { withPriceTable } from "../../provider/price-table.ts";
import { defaultPrices } from "../../provider/prices.ts";
import { type CountTokens, estimatePromptTokens, tokenCounter } from "../../provider/prompt-tokens.ts";
import { resolveModel } from "../../provider/resolve.ts";
import { simulatedTruth } from "../../provider/simulated.ts";
import { batchPrefix, modelIdOf, providerOf } from "../../tool/prompt/model-reference.ts";
import { pathsOf, readFileParts } from "../../tool/prompt/prompt-files.ts";
import { fillTemplate, templateVariables } from "../../tool/prompt/prompt-template.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { namesIn, type ToolDefinition } from "../definition/tool-file.ts";
import { exitCode } from "../faults.ts";
import type { Input } from "../input/input.ts";
import { folderOf } from "../input/open-inputs.ts";
import { counted, showCount, showDuration, showLines, showUsd } from "../progress/format.ts";
import { type JobFlags, toolOptionsFrom } from "./job-flags.ts";
import { type PreparedJob, prepareJob } from "./prepare-job.ts";

/** Inputs whose prompts are counted; the rest is taken to be like them. */
const mostCounted = 200;

/** Assumed of an answer that no schema describes. */
const tokensOfText = 200;

/** Assumed of one call, thoughts aside. */
const secondsOfCall = 3;

/**
 * `steer run --dry-run`: reads and checks all inputs, shows the first prompt, and estimates calls, cost and time. Asks no
 * model, and writes no file.
 *
 * @returns the exit code
 * @throws CommandError for what the job itself would be refused for
 */
export async function dryRun(loaded: LoadedTool, flags: JobFlags): Promise<number> {
  const job = await prepareJob(loaded, flags);
  try {
    const parts = loaded.definition ? await estimate(loaded, loaded.definition, job, flags) : await countOnly(job);
    process.stdout.write(`${[...parts, "Nothing was sent."].join("\n")}\n`);
    return exitCode.done;
  } finally {
    process.stdin.destroy();
    await job.close();
  }
}

/** A module keeps its prompts to itself. */
async function countOnly(job: PreparedJob): Promise<string[]> {
  let left = 0;
  for await (const _ of job.inputs()) left++;
  return [describeInputs(left, job), "The tool is a module, whose prompts, cost and time are known only once it runs."];
}

async function estimate(
  loaded: LoadedTool,
  definition: ToolDefinition,
  job: PreparedJob,
  flags: JobFlags,
): Promise<string[]> {
  const { headers, baseUrl, apiKeyEnv } = definition;
  const access = { headers, baseUrl, apiKeyEnv };
  const found = await Promise.all(
    namesIn(definition).map((name) => findModel(flags.batch ? batchPrefix + name : name, access)),
  );
  const models = found.map(({ model }) => model);
  const faults = found.flatMap(({ fault = [] }) => fault);
  const model = models[0] as NamedModel;
  const count = await tokenCounter(model, undefined);
  const every = Math.max(1, Math.ceil(((job.tally.totalCount ?? 0) - job.tally.keptCount) / mostCounted));
  const sizes: Size[] = [];
  const gaps = new Gaps(definition);
  let [left, shown] = [0, ""];
  for await (const input of job.inputs()) {
    gaps.add(input);
    if (left++ % every !== 0) continue;
    const messages = await messagesOf(loaded, definition, input, folderOf(flags.input));
    if (left === 1) shown = showPrompt(messages, input);
    sizes.push(sizeOf(messages, definition, model, count));
  }
  const inputs = describeInputs(left, job);
  if (left === 0) return [inputs];
  const calls = callsOf(loaded, flags);
  const mean: Size = {
    input: sizes.reduce((sum, { input }) => sum + input, 0) / sizes.length,
    output: sizes.reduce((sum, { output }) => sum + output, 0) / sizes.length,
  };
  const counting = every > 1 ? `, counted on ${showCount(sizes.length)} of the inputs` : "";
  const range = (of: (callCount: number) => string) => span(of(left * calls.fewest), of(left * calls.most));
  const tokens = (each: number) => range((callCount) => showCount(roughly(callCount * each)));
  return [
    `${shown}\n`,
    inputs,
    ...gaps.describe(left),
    `${namesIn(definition).join(", ")}: ${span(String(calls.fewest), String(calls.most))} answers for each input, ${range(showCount)} calls in all.`,
    `About ${tokens(mean.input)} tokens of prompts and ${tokens(mean.output)} of answers${counting}. Thoughts are not in it.`,
    await describeCost(definition, models, mean, { left, ...calls }, flags),
    flags.batch ? describeBatches(calls) : describeTime(loaded, { left, ...calls }, flags),
    ...describeSignals(job),
    ...faults.map((fault) => `The job itself would not start: ${fault}`),
  ];
}

/** Calls of the signals of `--right`. What is bought of them depends on the votes. */
function describeSignals({ accept, tally }: PreparedJob): string[] {
  const answers = tally.totalCount ?? 0;
  const each = (accept?.signals ?? []).map(
    ({ kind, modelId, mostSamples }) =>
      `${kind === "verifier" ? "verifier" : "second model"} ${modelId}, up to ${counted(answers * mostSamples, "call")}`,
  );
  return each.length === 0 ? [] : [`Not in it: ${each.join("; ")}. They are made where they pay.`];
}

type NamedModel = Pick<LanguageModelLike, "provider" | "modelId" | "source">;

/** Finds the model. An estimate needs its name alone: without a key, that is what is found. */
async function findModel(name: string, access: ModelAccess): Promise<{ model: NamedModel; fault?: string }> {
  try {
    return { model: await resolveModel(name, access) };
  } catch (error) {
    if (!InvalidOptionsError.isInstance(error)) throw error;
    return { model: { provider: providerOf(name), modelId: modelIdOf(name) }, fault: error.message };
  }
}

function describeInputs(left: number, { tally }: PreparedJob): string {
  const kept = tally.keptCount === 0 ? "" : `, ${showCount(tally.keptCount)} more have their answer`;
  return `${counted(left, "input")} to ask for${kept}. All of them can be read, and fit the tool.`;
}

/** Inputs that say nothing where the prompt asks for something: they would be paid for, and get an answer like any other. */
class Gaps {
  readonly #names: readonly string[];
  readonly #isAsking: boolean;
  readonly #empty = new Map<string, { count: number; readonly first: string }>();

  constructor({ prompt, files }: ToolDefinition) {
    this.#names = templateVariables(prompt);
    this.#isAsking = this.#names.length > 0 || files !== undefined;
  }

  add({ request, place }: Input): void {
    for (const name of this.#names) {
      const value = typeof request === "string" ? request : (request as Readonly<Record<string, unknown>>)?.[name];
      if (typeof value !== "string" || value.trim() !== "") continue;
      const known = this.#empty.get(name) ?? { count: 0, first: place };
      this.#empty.set(name, { ...known, count: known.count + 1 });
    }
  }

  describe(inputs: number): string[] {
    if (!this.#isAsking) return ["The prompt has no {{variable}}: nothing of the inputs reaches the model."];
    return [...this.#empty].map(
      ([name, { count, first }]) =>
        `{{${name}}} is empty in ${showCount(count)} of ${showCount(inputs)}, first in ${first}.`,
    );
  }
}

async function messagesOf(
  { tool }: LoadedTool,
  { system, prompt, files }: ToolDefinition,
  { request }: Input,
  folder: string,
): Promise<PromptMessage[]> {
  const values = (await acceptRequest(tool, request)) as Record<string, unknown>;
  const parts = files === undefined ? [] : await readFileParts(pathsOf({ paths: files, from: folder }, values));
  const asked: PromptMessage = {
    role: "user",
    content: [{ type: "text", text: fillTemplate(prompt, values) }, ...parts],
  };
  return system === undefined ? [asked] : [{ role: "system", content: system }, asked];
}

const longestShown = 2_000;

function showPrompt(messages: readonly PromptMessage[], { place }: Input): string {
  const parts = messages.flatMap(({ role, content }) =>
    typeof content === "string"
      ? [`[${role}] ${content}`]
      : content.map((part) => {
          if (part.type === "text") return `[${role}] ${part.text}`;
          if (part.type !== "file") return `[${role}]`;
          const bytes = Math.round((String(part.data).length * 3) / 4);
          return `[file] ${part.filename}, ${part.mediaType}, ${showCount(bytes)} bytes`;
        }),
  );
  const text = showLines(parts.join("\n"));
  const more = text.length > longestShown ? `… (${showCount(text.length)} characters)` : "";
  return `The first prompt, of ${place}:\n\n${text.slice(0, longestShown)}${more}`;
}

/** Tokens of a call. */
interface Size {
  readonly input: number;
  readonly output: number;
}

/** The size of an answer is that of one which fits the schema. */
function sizeOf(
  messages: readonly PromptMessage[],
  { schema, maxOutputTokens = Number.POSITIVE_INFINITY }: ToolDefinition,
  model: NamedModel,
  count: CountTokens,
): Size {
  const input = estimatePromptTokens(messages, schema, model, count) ?? 0;
  const output = schema ? count(JSON.stringify(simulatedTruth(JSON.stringify(messages.at(-1)), schema))) : tokensOfText;
  return { input, output: Math.min(output, maxOutputTokens) };
}

/** Answers for one input: where they agree at once, and where they do not. */
function callsOf({ tool }: LoadedTool, flags: JobFlags): { fewest: number; most: number } {
  const options = tool.resolveOptions?.(toolOptionsFrom(flags) as Record<string, unknown>) ?? {};
  const { k = 1, epsilon, stopping } = options as Partial<ResolvedBundleOptions>;
  const rule = typeof stopping === "object" ? stopping : { rule: stopping };
  const stops = createStoppingRule({ k, epsilon, ...rule } as StoppingRuleOptions);
  let fewest = 1;
  while (fewest < k && !stops.observe("the same").stop) fewest++;
  return { fewest, most: k };
}

type Calls = { readonly left: number; readonly fewest: number; readonly most: number };

async function describeCost(
  { prices = {} }: ToolDefinition,
  models: readonly NamedModel[],
  mean: Size,
  { left, fewest, most }: Calls,
  { maxCostUsd }: JobFlags,
): Promise<string> {
  const live = models.filter(({ source = "live" }) => source === "live");
  if (live.length === 0) return `Cost: nothing, the answers are ${models[0]?.source}.`;
  const table = withPriceTable(prices, await defaultPrices());
  // Models take turns: a call costs their mean.
  let each = 0;
  for (const model of live) {
    const price = priceOfCall(table, model, mean);
    if (price === null) {
      const needed = maxCostUsd === undefined ? "" : " --max-cost-usd needs it: the job itself would not start.";
      return `Cost: the price of ${model.modelId} is not known. Give it as prices in the tool file, or as --price.${needed}`;
    }
    each += price / models.length;
  }
  const [low, high] = [left * fewest * each, left * most * each];
  const isOver = maxCostUsd !== undefined && high > maxCostUsd;
  return `Cost: about ${span(showUsd(low), showUsd(high))}.${isOver ? ` --max-cost-usd ${maxCostUsd} may end the job before its last input.` : ""}`;
}

function priceOfCall(prices: PriceSource, { provider, modelId }: NamedModel, mean: Size): number | null {
  const [inputTokens, outputTokens] = [Math.round(mean.input), Math.round(mean.output)];
  const usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  return prices.costUsd({ provider, modelId, usage });
}

function describeBatches({ fewest, most }: Pick<Calls, "fewest" | "most">): string {
  const batches = fewest === most ? "1 batch" : `1 to ${most - fewest + 1} batches`;
  return `Time: ${batches}, one after the other, each done within a day.`;
}

function describeTime({ tool, definition }: LoadedTool, { left, fewest, most }: Calls, flags: JobFlags): string {
  const { provider = "", modelId } = tool as { provider?: string; modelId?: string };
  const limits = Object.entries(definition?.limits ?? flags.limits ?? {});
  const perMinute = limits.flatMap(([name, { requestsPerMinute = [] }]) =>
    isUnder(name, paceKey(provider, modelId)) ? requestsPerMinute : [],
  );
  const waitMs = (calls: number) => Math.max(0, ...perMinute.map((rate) => (60_000 * left * calls) / rate));
  const rounds = Math.ceil(left / flags.concurrency) * secondsOfCall * 1000;
  const low = Math.max(rounds, waitMs(fewest));
  const high = Math.max(rounds * Math.ceil(most / fewest), waitMs(most));
  const paced = perMinute.length > 0 ? ", within the limits given" : "";
  return `Time: about ${span(showDuration(low), showDuration(high))} with ${counted(flags.concurrency, "input")} at once, if a call takes ${secondsOfCall} s${paced}.`;
}

function span(low: string, high: string): string {
  return low === high ? low : `${low} to ${high}`;
}

/** Two digits of a number: more would look exact. */
function roughly(count: number): number {
  return count === 0 ? 0 : Number(count.toPrecision(2));
}
