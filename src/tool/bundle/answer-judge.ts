/**
 * Job: let a model group the answers of a bundle that are not the same by rule, by their meaning.
 * Boundary: evidence finds what is open; the stage decides when to ask.
 * Invariants:
 * 1. Groups that were told apart stay apart, and a text keeps its group: a new text joins a group or founds one.
 * 2. Only a partition is a verdict: each text stands in one group. Anything else decides nothing.
 * 3. After a failure no judge is asked again; what was decided stays.
 * 4. Texts are shown as JSON strings, and the judge answers in numbers alone: a text can name no group and no rule.
 */
import type { JudgeReport, Replicate, ReplicateSpec } from "../../contract/bundle.ts";
import type { CompareOptions, JudgeOption, ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { CallAttempt, ReplicatePlace, ToolRuntime } from "../../contract/call.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import type { LanguageModelLike, PromptMessage } from "../../contract/model.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { addSpent, nothingSpent, type Spent } from "../../contract/usage.ts";
import { fingerprint } from "../../core/canonical.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { JSONValue } from "../../core/json.ts";
import { lazily } from "../../core/lazily.ts";
import {
  judgesIn,
  type OpenText,
  type OpenTexts,
  openTextsOf,
  withVerdicts,
} from "../../evidence/internal/judged-texts.ts";
import type { ModelAsker } from "../prompt/model-asker.ts";
import { modelIdOf, providerOf } from "../prompt/model-reference.ts";
import { faultOf, type Grouping, messagesFor, type Partition, questionOf, responseSchema } from "./judge-question.ts";
import type { ReplicateBound, ReplicateSource } from "./replicate-source.ts";
import { attemptContext } from "./tool-runtime.ts";

const loadModelAsker = lazily(() => import("../prompt/model-asker.ts"));

/** Longer texts are not judged: a judge that sees half of an answer would decide on half of it. */
export const longestJudgedText = 4_000;
/** Most groups of one field that a judge is shown. More answers that all differ have no consensus to find. */
export const mostJudgedGroups = 60;

/** A bundle as its judge sees it. */
export interface JudgedBundle {
  readonly tool: ReplicateSource<any, any>;
  readonly request: unknown;
  readonly options: ResolvedBundleOptions;
  readonly context: ToolContext;
  readonly runtime: ToolRuntime;
}

/**
 * Creates the judge of a bundle, with its models found and, where money counts, priced.
 *
 * @returns `undefined` where its options name none
 * @throws InvalidOptionsError for a model that is not found, for `true` and a tool without a model of its own
 */
export async function createJudge(bundle: JudgedBundle): Promise<AnswerJudge | undefined> {
  const judges = judgesIn(bundle.options.compare);
  if (judges.length === 0) return undefined;
  const { ModelAsker } = await loadModelAsker();
  const models = new Map<JudgeOption, JudgeModel>();
  for (const option of judges) {
    const reference = judgeModelOf(option, bundle.tool);
    const asker = new ModelAsker({ model: reference });
    await asker.bound(messagesFor(option, "", []), { ...bundle.options, k: 1 }, bundle.context);
    models.set(option, { asker, provider: providerOf(reference), modelId: modelIdOf(reference) });
  }
  return new AnswerJudge(bundle, models);
}

interface JudgeModel {
  readonly asker: ModelAsker;
  readonly provider: string;
  readonly modelId: string;
}

/** @throws InvalidOptionsError for `true` and a tool without a model of its own */
export function judgeModelOf(option: JudgeOption, tool: ReplicateSource<any, any>): string | LanguageModelLike {
  if (option === true && tool.model !== undefined) return tool.model;
  if (option === true) {
    const allowed = `a model, such as "openai:gpt-5-nano": the tool "${tool.name}" has none of its own`;
    throw new InvalidOptionsError([{ path: "toolOptions.compare.judge", given: true, allowed }]);
  }
  return typeof option === "object" && "model" in option ? option.model : option;
}

/** Groups of one field, in the order in which they were founded. */
type Groups = OpenText[][];

export class AnswerJudge {
  readonly #bundle: JudgedBundle;
  readonly #models: ReadonlyMap<JudgeOption, JudgeModel>;
  readonly #groups = new Map<string, Groups>();
  /** Form of the group's first text, by field and form. */
  readonly #founders = new Map<string, Map<string, string>>();
  #spent: Spent = nothingSpent;
  #calls = 0;
  #isGivenUp = false;

  constructor(bundle: JudgedBundle, models: ReadonlyMap<JudgeOption, JudgeModel>) {
    this.#bundle = bundle;
    this.#models = models;
  }

  /** Options that compare by the verdicts so far. */
  get compare(): CompareOptions {
    const founderOf = (pattern: string, form: string) => this.#founders.get(pattern)?.get(form) ?? form;
    return withVerdicts(this.#bundle.options.compare ?? {}, founderOf);
  }

  /** The verdicts, and what they cost; `undefined` where no judge was asked. */
  get report(): JudgeReport | undefined {
    if (this.#calls === 0) return undefined;
    const { usage, costUsd } = this.#spent;
    const verdicts = [...this.#groups].map(([path, groups]) => ({
      path,
      groups: groups.map((texts) => texts.map(({ text }) => text)),
    }));
    const model = [...new Set([...this.#models.values()].map(({ modelId }) => modelId))].join(", ");
    return { model, calls: this.#calls, verdicts, usage, costUsd };
  }

  /** Groups what is open in these answers. Resolves also where a judge fails. */
  async settle(values: readonly unknown[]): Promise<void> {
    const { compare = {}, ...others } = this.#bundle.options;
    const open = openTextsOf(values, compare).map((field) => ({ ...field, texts: this.#unknown(field) }));
    for (const [option, model] of this.#models) {
      const fields = open.filter(({ judge, texts }) => judge === option && texts.length > 0);
      const asked = fields.filter(({ pattern, texts }) => this.#groupsOf(pattern).length + texts.length > 1);
      for (const field of fields.filter((one) => !asked.includes(one))) this.#found(field.pattern, field.texts);
      if (asked.length > 0) await this.#judge(option, model, asked, others.seeds[0] as number);
    }
  }

  /** The texts of a field that have no group, without those that cannot be judged. */
  #unknown({ pattern, texts }: OpenTexts): OpenText[] {
    const known = this.#founders.get(pattern);
    return texts.filter(({ form, text }) => !known?.has(form) && text.length <= longestJudgedText);
  }

  async #judge(option: JudgeOption, model: JudgeModel, fields: readonly OpenTexts[], seed: number): Promise<void> {
    if (this.#isGivenUp) return;
    const lists = fields.map(({ pattern, texts }) => ({ pattern, known: [...this.#groupsOf(pattern)], texts }));
    if (lists.some(({ known, texts }) => known.length + texts.length > mostJudgedGroups))
      return this.#giveUp(`more than ${mostJudgedGroups} answers differ`);
    const shown = lists.map(({ pattern, known, texts }) => ({
      pattern,
      texts: [...known.map(([first]) => (first as OpenText).text), ...texts.map(({ text }) => text)],
    }));
    const messages = messagesFor(option, questionOf(this.#bundle), shown);
    const sizes = shown.map(({ texts }) => texts.length);
    const partitions = await this.#ask(model, messages, sizes, seed);
    if (!partitions) return;
    for (const [at, { pattern, known, texts }] of lists.entries())
      for (const block of partitions[at] as Partition) this.#decide(pattern, known, texts, block);
  }

  /** Puts the new texts of a block into its one known group, or into a new one. A block that joins known groups joins none. */
  #decide(pattern: string, known: Groups, texts: readonly OpenText[], block: readonly number[]): void {
    const groups = known.filter((_, index) => block.includes(index));
    const members = texts.filter((_, index) => block.includes(known.length + index));
    const [group] = groups;
    if (groups.length > 1) for (const text of members) this.#found(pattern, [text]);
    else if (group) this.#join(pattern, group, members);
    else if (members.length > 0) this.#found(pattern, members);
  }

  #found(pattern: string, texts: readonly OpenText[]): void {
    const group: OpenText[] = [];
    this.#groupsOf(pattern).push(group);
    this.#join(pattern, group, texts);
  }

  #join(pattern: string, group: OpenText[], texts: readonly OpenText[]): void {
    const founders = this.#founders.get(pattern) ?? new Map<string, string>();
    this.#founders.set(pattern, founders);
    group.push(...texts);
    for (const { form } of texts) founders.set(form, (group[0] as OpenText).form);
  }

  #groupsOf(pattern: string): Groups {
    const groups = this.#groups.get(pattern) ?? [];
    this.#groups.set(pattern, groups);
    return groups;
  }

  #giveUp(why: string): void {
    this.#isGivenUp = true;
    const message = `The judge groups no more answers: ${why}. From here on, texts are compared by the rules of "same" alone.`;
    this.#bundle.context.events.emit("warning", { code: "judge_failed", message });
  }

  /** Asks for a partition of each list, or takes it from the journal. */
  async #ask(
    model: JudgeModel,
    messages: readonly PromptMessage[],
    sizes: readonly number[],
    seed: number,
  ): Promise<readonly Partition[] | undefined> {
    const { context, runtime } = this.#bundle;
    const place = this.#placeOf(model, messages, seed);
    const kept = place && (await runtime.journal?.find(place, async (found) => readVerdict(found, sizes)));
    if (kept) {
      this.#calls++;
      return (kept.data as Grouping).lists;
    }
    const bound = await model.asker.bound(messages, { ...this.#bundle.options, k: 1 }, context);
    const outcome = await runtime.guard<Grouping>({
      provider: model.provider,
      modelId: model.modelId,
      seed,
      bound: (remaining, error, unspent) => bound(remaining, remaining, error, unspent),
      execute: (attempt) => this.#askOnce(model, messages, sizes, { seed, bound, attempt }),
    });
    this.#calls++;
    this.#spent = addSpent(this.#spent, outcome);
    if (!outcome.ok) {
      if (!context.signal.aborted) this.#giveUp(outcome.failure.message);
      return undefined;
    }
    if (place) await this.#keep(place, verdictReplicate(model, seed, outcome.value, outcome));
    return outcome.value.lists;
  }

  async #askOnce(
    model: JudgeModel,
    messages: readonly PromptMessage[],
    sizes: readonly number[],
    call: { readonly seed: number; readonly bound: ReplicateBound; readonly attempt: CallAttempt },
  ): Promise<Grouping> {
    const { context, runtime } = this.#bundle;
    const { seed, bound, attempt } = call;
    const checkAnswer = async (value: unknown) => ({ ok: faultOf(value, sizes) === undefined });
    const own = { responseSchema, checkAnswer, bound, journal: undefined, within: undefined, isStreaming: false };
    const replicate: ReplicateSpec = { id: "judge", index: 0, seed, attempt: attempt.attempt };
    const asked = Object.assign(attemptContext(context, runtime, attempt, own), { replicate });
    const { data } = await model.asker.ask(messages, replicate, asked);
    const fault = faultOf(data, sizes);
    if (fault !== undefined) throw new InvalidOutputError([fault], { data });
    return data as Grouping;
  }

  #placeOf(model: JudgeModel, messages: readonly PromptMessage[], seed: number): ReplicatePlace | undefined {
    const { tool, runtime } = this.#bundle;
    if (!runtime.journal) return undefined;
    const question = fingerprint({ judge: model.modelId, messages, within: runtime.within ?? null }).slice(0, 12);
    return { toolName: `${tool.name}/judge`, stage: 0, index: 0, seed, question };
  }

  /** A verdict that cannot be kept is asked for again by the next run of the key; the answers say no less without it. */
  async #keep(place: ReplicatePlace, verdict: Replicate): Promise<void> {
    await this.#bundle.runtime.journal?.append(place, verdict).catch(() => {});
  }
}

async function readVerdict(kept: Replicate, sizes: readonly number[]): Promise<Replicate | undefined> {
  return faultOf(kept.data, sizes) === undefined ? kept : undefined;
}

/** Returns a verdict in the form in which the journal keeps answers. */
function verdictReplicate(
  { modelId }: JudgeModel,
  seed: number,
  grouping: Grouping,
  { usage, costUsd, elapsedMs, attempts }: Spent & { readonly elapsedMs: number; readonly attempts: number },
): Replicate {
  const json = grouping as unknown as JSONValue;
  return {
    id: "judge",
    valid: true,
    data: json,
    json,
    quality: { valid: true },
    usage,
    costUsd,
    elapsedMs: Math.round(elapsedMs),
    seed,
    model: modelId,
    attempts,
  };
}
