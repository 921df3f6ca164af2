import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { AnswerShelf, ToolRuntime } from "../../contract/call.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import type { LabelledCalibration } from "../../contract/settings.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { isAtOrBelow } from "../../evidence/internal/pointer.ts";
import type { AnswerJudge } from "./answer-judge.ts";
import type { AnswerRules } from "./answers.ts";
import type { BundleAsking } from "./bundle-asking.ts";
import { createBundleRule } from "./bundle-rule.ts";
import { ModelTurns } from "./model-turns.ts";
import { type Asked, type Failure, type Schedule, scheduleReplicates } from "./replicate-scheduler.ts";
import type { BoundSource, ReplicateSource } from "./replicate-source.ts";
import { SettledComparison } from "./settled-comparison.ts";
import { summarizeReplicates } from "./summary.ts";
import { summarizingSoFar } from "./votes.ts";

/** Common to the stages of a bundle. */
export interface BundleWork<Input> extends AnswerRules {
  readonly request: Input;
  readonly options: ResolvedBundleOptions;
  readonly context: ToolContext;
  readonly runtime: ToolRuntime;
  /** Groups texts that are not the same by rule; `undefined` where no judge is named. */
  readonly textJudge: AnswerJudge | undefined;
  /** Returns the journal's fingerprint of the question that is asked of a model. */
  readonly questionFor: (model: ReplicateSource<any, any>) => string | undefined;
}

/** Replicates of one model, and their summary. */
export interface BundleStage<T> {
  /** Origin of the model's answers. */
  readonly source: EvidenceSource;
  /** Fingerprint of the question, where its answers are kept for later bundles. */
  readonly question: string | undefined;
  readonly schedule: Schedule;
  readonly replicates: Replicate<T>[];
  readonly summary: BundleSummary<T>;
  /** Returns the summary of these and of other replicates, none of which is valid. */
  summaryWith(others: readonly Replicate<T>[]): Promise<BundleSummary<T>>;
}

/** Place of a stage in its bundle. */
export interface StagePlace {
  /** Number of models that were asked before. */
  readonly stage: number;
  /** Number of replicates that were asked for before. */
  readonly offset: number;
  /** False where another model can be asked in place of sampling on. */
  readonly isLast: boolean;
  /** Calibration for a target confidence. */
  readonly labelled: LabelledCalibration | undefined;
}

/** Asks a model, or several in turn, for replicates until they settle the answer. */
export async function runStage<Input, T>(
  { source, members }: BoundSource<Input, T>,
  work: BundleWork<Input>,
  place: StagePlace,
): Promise<BundleStage<T>> {
  const { options, schema, resampling, context, runtime } = work;
  const { isLast, labelled } = place;
  const askings = await openAskings(members, work, place);
  const shelves = askings.map(({ shelf }) => shelf);
  const turns = new ModelTurns(askings);
  const comparison = new SettledComparison(options.compare);
  const compare = () => (work.textJudge ? work.textJudge.compare : comparison.compare);
  const settled = () => ({ ...options, compare: compare() });
  const learns = comparison.isAwaited || !!work.textJudge;
  const wave = new Wave((answers) => work.textJudge?.settle(answers));
  const schedule = await scheduleReplicates({
    k: options.k,
    maxParallel: Math.min(options.maxParallel, runtime.maxParallel),
    rule: createBundleRule({ options: settled, schema, resampling, isLast, labelled, learns }),
    models: members.length,
    startsWarm: (calls, model) => members[model]?.bound.startsWarm?.(calls) ?? false,
    async ask(index, fields, onWarm) {
      const askModel = () => turns.ask(index, fields, onWarm);
      const asked = await (work.textJudge ? wave.join(askModel) : askModel());
      const { replicate } = asked;
      if (!replicate?.valid) return asked;
      if (!replicate.fields) resampling?.learn(replicate.json);
      const failure = comparison.isAwaited ? await learn(replicate, comparison, work) : undefined;
      return failure ? { replicate, failure: asked.failure ?? failure, isHopeless: true } : asked;
    },
    *onObserved(count, seen) {
      if (!isSummaryDue(count, options.k) || !(runtime.isHeard?.() ?? true)) return;
      const summary = yield* summarizingSoFar(seen(), { ...compare(), k: options.k });
      context.events.emit("partial_summary", { summary });
    },
  }).finally(() => Promise.all(shelves.map((shelf) => shelf?.close())));
  const replicates = schedule.replicates as Replicate<T>[];
  const summaryWith = (others: readonly Replicate<T>[]) =>
    summarizeReplicates([...replicates, ...others], settled(), work, context.signal);
  const summary = await summaryWith([]);
  warnOfAbsentFields(options, summary, context);
  if (!work.textJudge && !comparison.isAwaited) warnOfDifferingTexts(summary, context);
  return { source: source.source, question: questionOf(shelves), schedule, replicates, summary, summaryWith };
}

/** Opens the answers that are kept for each model of a stage. */
async function openAskings<Input, T>(
  members: BoundSource<Input, T>["members"],
  work: BundleWork<Input>,
  { stage, offset }: StagePlace,
): Promise<BundleAsking<Input, T>[]> {
  const responseIds = new Set<string>();
  const askings: BundleAsking<Input, T>[] = [];
  for (const { member: tool, bound } of members) {
    const shelf = await openShelf(tool, work);
    askings.push({ ...work, stage, offset, tool, bound, question: work.questionFor(tool), responseIds, shelf });
  }
  return askings;
}

/** Returns the fingerprint of what is asked of all models; `undefined` where the answers of one are not kept. */
function questionOf(shelves: readonly (AnswerShelf | undefined)[]): string | undefined {
  const questions = shelves.map((shelf) => shelf?.question);
  if (questions.length === 1 || questions.includes(undefined)) return questions[0];
  return fingerprint(questions);
}

/**
 * Opens the answers to the question of a stage that earlier runs have paid for; `undefined` where there are none to be had.
 * Inside an attempt a question may be asked several times, for answers that have to be several.
 */
async function openShelf<Input>(
  tool: ReplicateSource<Input, any>,
  { request, schema, context, runtime }: BundleWork<Input>,
): Promise<AnswerShelf | undefined> {
  if (!runtime.answers || runtime.attempt || context.signal.aborted) return undefined;
  try {
    const identity = await tool.answerIdentity?.(request, schema?.jsonSchema);
    return identity === undefined ? undefined : await runtime.answers.open(fingerprint(identity), context.signal);
  } catch {
    // A request without a canonical form cannot be told from others.
    return undefined;
  }
}

/** Answers that are asked for at once. The judge sees them together, and none of them votes before it has. */
class Wave {
  readonly #judge: (answers: readonly unknown[]) => Promise<void> | undefined;
  readonly #answers: unknown[] = [];
  #inFlight = 0;
  #judged = Promise.withResolvers<void>();

  constructor(judge: (answers: readonly unknown[]) => Promise<void> | undefined) {
    this.#judge = judge;
  }

  /** Asks, and resolves once the judge has seen the answer and all that were in flight with it. */
  async join(ask: () => Promise<Asked>): Promise<Asked> {
    this.#inFlight++;
    try {
      const asked = await ask();
      if (asked.replicate?.valid) this.#answers.push(asked.replicate.json);
      return asked;
    } finally {
      await this.#leave();
    }
  }

  #leave(): Promise<void> {
    const judged = this.#judged;
    if (--this.#inFlight === 0) {
      this.#judged = Promise.withResolvers<void>();
      judged.resolve(this.#judge(this.#answers));
    }
    return judged.promise;
  }
}

/**
 * Asks the similarity about a replicate. Where that fails, or the run ends first, no more replicates are asked for, and
 * those that are there, which are paid for, are compared without it.
 */
async function learn(
  { json }: Replicate,
  comparison: SettledComparison,
  { context, runtime }: BundleWork<any>,
): Promise<Failure | undefined> {
  const scope = new CancelScope(context.signal);
  try {
    await scope.race(comparison.learn(json));
    return undefined;
  } catch (error) {
    comparison.giveUp();
    const message = `The answers are compared without the similarity that was given: ${messageOf(error)}`;
    context.events.emit("warning", { code: "similarity_failed", message });
    return { error, facts: runtime.failureOf(error, 1) };
  } finally {
    scope.dispose();
  }
}

/** After two, and then at each tenth of many: enough to watch, and linear as a whole. */
function isSummaryDue(count: number, k: number): boolean {
  return count === 2 || (count > 2 && count < k && count % Math.ceil(k / 10) === 0);
}

/** Shorter texts are often labels, of which the rules find the same ones. */
const longestLabel = 64;

/** Warns of long texts that all differ: few are the same to the rules, and many say the same. */
function warnOfDifferingTexts({ disagreements }: BundleSummary, { events }: ToolContext): void {
  const paths = disagreements
    .filter(({ values }) => values.every(({ value, support }) => support === 1 && isLongText(value)))
    .map(({ path }) => path || '""');
  if (paths.length === 0) return;
  const message = `The texts at ${paths.join(", ")} all differ. Set toolOptions.compare.judge to let a model group those that say the same in other words.`;
  events.emit("warning", { code: "texts_differ", message });
}

function isLongText(value: unknown): boolean {
  return typeof value === "string" && value.length > longestLabel;
}

/** Warns of `fields` that no answer has. If the schema leaves fields open, only the answers show them. */
function warnOfAbsentFields(
  { fields = [] }: ResolvedBundleOptions,
  { fields: found, validCount }: BundleSummary,
  { events }: ToolContext,
): void {
  if (validCount === 0 || fields.length === 0) return;
  const pointers = Object.keys(found);
  const absent = fields.filter((field) => !pointers.some((pointer) => isAtOrBelow(pointer, field)));
  if (absent.length === 0) return;
  const shown = pointers.slice(0, 20).map((pointer) => pointer || '""');
  const message = `no answer has ${absent.join(", ")}, given as toolOptions.fields; answers have ${shown.join(", ")}`;
  events.emit("warning", { code: "absent_fields", message });
}
