import type { Replicate, ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import { withReplicateJson } from "../../contract/bundle-json.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { AnswerShelf, Call, CallAttempt, CallOutcome, ReplicatePlace, ToolRuntime } from "../../contract/call.ts";
import { endsBundle } from "../../contract/error-category.ts";
import { BudgetExceeded, InvalidOutputError } from "../../contract/errors.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import { addSpent, type Budget, subtractSpent } from "../../contract/usage.ts";
import { keepOriginal } from "../../core/error-marks.ts";
import { InvalidOptionsError, showValue } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { toReadableData } from "../../schema/json-data.ts";
import type { Answer } from "./answer-json.ts";
import { type AnswerRules, acceptAnswer, checkAnswer, readReplicate } from "./answers.ts";
import type { Asked, Failure } from "./replicate-scheduler.ts";
import type { ReplicateBound, ReplicateSource } from "./replicate-source.ts";
import type { GivenSample, SampleRound } from "./sample-round.ts";
import { attemptContext, countUse } from "./tool-runtime.ts";

/** Common to the replicates of one model in a bundle. */
export interface BundleAsking<Input, T> extends AnswerRules {
  readonly tool: ReplicateSource<Input, T>;
  readonly request: Input;
  readonly options: ResolvedBundleOptions;
  readonly context: ToolContext;
  readonly runtime: ToolRuntime;
  readonly bound: ReplicateBound;
  /** Number of replicates that were asked for before, of other models. */
  readonly offset: number;
  /** Number of models that were asked before. */
  readonly stage: number;
  /** The journal's fingerprint of the question; `undefined` where nothing is journaled. */
  readonly question: string | undefined;
  readonly responseIds: Set<string>;
  /** Answers that earlier runs have paid for. */
  readonly shelf: AnswerShelf | undefined;
}

/**
 * Asks for one replicate under the run's policies, checks it, keeps it in the journal, and then reports it.
 *
 * @param fields JSON pointers to ask for; default: the whole answer
 * @param onWarm hears that the provider has the prompt in its cache, where others wait for that
 */
export async function askReplicate<Input, T>(
  asking: BundleAsking<Input, T>,
  index: number,
  fields?: readonly string[] | undefined,
  onWarm?: (() => void) | undefined,
): Promise<Asked> {
  const { tool, options, context, runtime } = asking;
  const recorded = await findJournaled(asking, index);
  if (recorded) return recorded;
  const spec = { ...specOf(asking, index), ...(fields && { fields }) };
  const { id } = spec;
  const reused = await takeFromShelf(asking, spec);
  if (reused) {
    context.events.emit("replicate_done", { replicate: reused, ...keptFacts(asking, undefined) });
    return { replicate: reused };
  }
  const startedMs = context.clock.now();
  const { round, isLed, sample } = fields ? alone : await joinRound(asking, index);
  const inRequest = sample && (await readSample<T>(asking, sample, spec));
  if (sample && inRequest?.value) {
    context.events.emit("replicate_started", { replicateId: id, seed: spec.seed });
    const { usage, costUsd } = sample;
    const elapsedMs = context.clock.now() - startedMs;
    const outcome = { ok: true as const, value: inRequest.value, usage, costUsd, attempts: 1, elapsedMs };
    const callSeed = options.seeds[round?.members[0] as number] as number;
    return settle(asking, index, Object.assign(toReplicate(asking, spec, outcome), { callSeed }), undefined, outcome);
  }
  let hasStarted = false;
  const guarded = await runtime.guard<AcceptedResult<T>>({
    provider: tool.provider ?? `tool:${tool.name}`,
    replicateId: spec.id,
    modelId: tool.modelId,
    seed: spec.seed,
    bound: (remaining, error, unspent) =>
      asking.bound(shareOf(remaining, options.k - index), remaining, error, unspent, isLed ? round : undefined),
    expectedTokens: (error) => asking.bound.expectedTokens?.(error),
    limits: options.perReplicateBudget,
    execute(attempt) {
      if (!hasStarted) context.events.emit("replicate_started", { replicateId: spec.id, seed: spec.seed });
      hasStarted = true;
      // The answer that came is tried again as any other that is wrong.
      if (inRequest && attempt.attempt === 1) throw inRequest.error;
      return answerOnce(asking, { ...spec, attempt: attempt.attempt }, attempt, {
        onWarm,
        round: isLed ? round : undefined,
      });
    },
  } satisfies Call<AcceptedResult<T>>);
  if (isLed) round?.end();
  const outcome = withShares(guarded, isLed ? round : undefined, sample);
  const failure = outcome.ok ? undefined : { error: outcome.error, facts: outcome.failure };
  if (!hasStarted) return { failure, isHopeless: true };
  return settle(asking, index, toReplicate(asking, spec, outcome), failure, outcome);
}

function specOf({ offset, options }: BundleAsking<any, any>, index: number) {
  return { id: `r${offset + index + 1}`, index, seed: options.seeds[index] as number };
}

/** Takes a replicate from the journal of the run's key, and reports it; `undefined` where it is not there. */
export async function findJournaled(asking: BundleAsking<any, any>, index: number): Promise<Asked | undefined> {
  const { context, runtime } = asking;
  const { id, ...at } = specOf(asking, index);
  const place = placeOf(asking, at);
  const recorded = place && (await runtime.journal?.find(place, (kept) => readReplicate(asking, kept)));
  if (!recorded) return undefined;
  const replicate = Object.assign(recorded, { id });
  context.events.emit("replicate_done", { replicate, ...keptFacts(asking, runtime.journal?.whyUnkept(place)) });
  return { replicate };
}

const alone = { round: undefined, isLed: false, sample: undefined };

/** Takes part in requests for several answers: makes one, or waits for an answer out of another's. */
async function joinRound(
  { bound: { rounds }, context }: BundleAsking<any, any>,
  index: number,
): Promise<{ round: SampleRound | undefined; isLed: boolean; sample: GivenSample | undefined }> {
  while (rounds?.isOpen) {
    const round = await untilEnd(rounds.join(index), context);
    if (!round || round.isLed(index)) return { round, isLed: round !== undefined, sample: undefined };
    const sample = await untilEnd(round.sampleFor(index), context);
    if (sample || !round.isShort) return { round, isLed: false, sample };
  }
  return alone;
}

/** Waits for other replicates, no longer than the run lasts: what is there by then has to be given out. */
function untilEnd<R>(others: Promise<R>, { signal }: ToolContext): Promise<R | undefined> {
  const scope = new CancelScope(signal);
  const waited = scope.race<R | undefined>(others).catch(() => undefined);
  return waited.finally(() => scope.dispose());
}

/** Keeps a replicate, and then reports it. */
async function settle<T>(
  asking: BundleAsking<any, T>,
  index: number,
  replicate: Replicate<T>,
  failure: Failure | undefined,
  outcome: CallOutcome<unknown>,
): Promise<Asked> {
  const { context, runtime, options } = asking;
  const { seed, fields } = replicate;
  const place = placeOf(asking, { index, seed });
  const { unkept, reason } = await keep(replicate as Replicate, place, asking);
  if (replicate.valid && !fields) await asking.shelf?.append(index, replicate as Replicate);
  const events = runtime.eventsFor?.(outcome.attempts) ?? context.events;
  events.emit("replicate_done", { replicate, ...keptFacts(asking, reason) });
  if (unkept) return { replicate, failure: unkept, isHopeless: true };
  return { replicate, failure, isHopeless: !outcome.ok && isHopeless(outcome, options) };
}

/** Reads an answer that came with the request of another replicate: its value, or what is wrong with it. */
async function readSample<T>(
  asking: BundleAsking<any, T>,
  { read, savedUsd }: GivenSample,
  { fields }: Pick<ReplicateSpec, "fields">,
): Promise<{ readonly value?: AcceptedResult<T>; readonly error?: unknown }> {
  try {
    const result = (await read()) as ReplicateResult<T>;
    const answer = (await acceptAnswer(asking, result.data, fields)) as Answer & { readonly data: T };
    return { value: { ...result, ...answer, savedUsd } };
  } catch (error) {
    return { error };
  }
}

/** Takes from the outcome of a request what other replicates carry of it, and adds what this one carries of another's. */
function withShares<R>(
  outcome: CallOutcome<R>,
  round: SampleRound | undefined,
  sample: GivenSample | undefined,
): CallOutcome<R> {
  const added = sample ? addSpent(outcome, sample) : outcome;
  if (!round) return sample ? { ...outcome, usage: added.usage, costUsd: added.costUsd } : outcome;
  const { usage, costUsd } = subtractSpent(added, round.given);
  return { ...outcome, usage, costUsd };
}

/** Returns the answer that an earlier run has paid for, which costs nothing any more; `undefined` where there is none. */
async function takeFromShelf(
  asking: BundleAsking<any, any>,
  { id, index, seed, fields }: Omit<ReplicateSpec, "attempt">,
): Promise<Replicate | undefined> {
  const kept = fields ? undefined : asking.shelf?.find(index, seed);
  const read = kept && (await readReplicate(asking, kept));
  if (!read) return undefined;
  const { costUsd = null, savedUsd = 0 } = read;
  const saved = costUsd === null ? {} : { savedUsd: costUsd + savedUsd };
  return Object.assign(read, { id, costUsd: 0, elapsedMs: 0, reused: true as const, ...saved });
}

function placeOf(
  { tool, stage, question }: BundleAsking<any, any>,
  { index, seed }: Pick<ReplicateSpec, "index" | "seed">,
): ReplicatePlace | undefined {
  return question === undefined ? undefined : { toolName: tool.name, stage, index, seed, question };
}

/** Outcome of keeping a replicate in the journal: why it is not kept, and the failure where the run may not go on. */
interface Kept {
  readonly reason?: string | undefined;
  readonly unkept?: Failure;
}

/** Journals a replicate. Where that fails, the answer is there, and the run may not go on. */
async function keep(
  replicate: Replicate,
  place: ReplicatePlace | undefined,
  asking: BundleAsking<any, any>,
): Promise<Kept> {
  const { journal, failureOf } = asking.runtime;
  if (!replicate.valid) return { reason: "the answer is not valid" };
  if (!journal) return { reason: "the run goes on without its store" };
  if (!place) return { reason: "the request has no JSON form that tells it from others" };
  try {
    return { reason: await journal.append(place, replicate) };
  } catch (error) {
    const facts = failureOf(error, 1);
    return { reason: facts.message, unkept: { error, facts } };
  }
}

/** Facts of `replicate_done` about the store; none without an idempotency key. */
function keptFacts({ context }: BundleAsking<any, any>, reason: string | undefined) {
  if (context.idempotencyKey === undefined) return {};
  return reason === undefined ? { kept: true } : { kept: false, reason };
}

/** A result whose answer the schema has accepted. */
type AcceptedResult<T> = ReplicateResult<T> & Pick<Answer, "json" | "score">;

async function answerOnce<Input, T>(
  asking: BundleAsking<Input, T>,
  spec: ReplicateSpec,
  attempt: CallAttempt,
  own: Pick<ToolRuntime, "onWarm" | "round">,
): Promise<AcceptedResult<T>> {
  const { tool, request } = asking;
  const result = await tool.executeReplicate(request, spec, replicateContext(asking, attempt, spec, own));
  if (typeof result !== "object" || result === null) throw noAnswer(tool, result);
  const uncounted = countUse(attempt, result.usage, result.costUsd);
  warnOfSameResponse(asking, result.responseId);
  if (result.data === undefined) throw noAnswer(tool, result);
  const answer = (await acceptAnswer(asking, result.data, spec.fields)) as Answer & { readonly data: T };
  const { warnings = [] } = result;
  return { ...result, ...answer, warnings: uncounted ? [...warnings, uncounted] : warnings };
}

function noAnswer({ name }: ReplicateSource<any, any>, given: unknown): TypeError {
  return new TypeError(`executeReplicate of "${name}" has to give { data, … }, and gave ${showValue(given)}`);
}

function replicateContext(
  asking: BundleAsking<any, any>,
  attempt: CallAttempt,
  replicate: ReplicateSpec,
  { onWarm, round }: Pick<ToolRuntime, "onWarm" | "round">,
): ReplicateContext {
  const { context, runtime, schema, resampling, question, bound } = asking;
  const { index, seed, fields } = replicate;
  const within = question && `${question}/${index}:${seed}`;
  // Without a place of its own, a replicate has none for questions that are asked inside it.
  const journal = within ? runtime.journal : undefined;
  const responseSchema = resampling && fields ? resampling.responseSchema(fields) : schema?.jsonSchema;
  const own = {
    responseSchema,
    checkAnswer: (value: unknown) => checkAnswer(asking, value, fields),
    within,
    journal,
    bound,
    onWarm,
    round,
  };
  return Object.assign(attemptContext(context, runtime, attempt, own), { replicate });
}

function warnOfSameResponse({ context, responseIds }: BundleAsking<any, any>, responseId: string | undefined): void {
  // Servers without response ids send null, or nothing.
  if (!responseId) return;
  if (responseIds.has(responseId)) {
    const message = `The provider gave the response "${responseId}" for more than one replicate: it is one answer, not several`;
    context.events.emit("warning", { code: "equal_response_ids", message });
  }
  responseIds.add(responseId);
}

function isHopeless(
  { error, failure }: CallOutcome<unknown> & { ok: false },
  { perReplicateBudget }: ResolvedBundleOptions,
): boolean {
  // A replicate that used up its own budget leaves the others theirs.
  if (BudgetExceeded.isInstance(error)) return error.limit !== perReplicateBudget?.[error.budgetType];
  return InvalidOptionsError.isInstance(error) || endsBundle(failure);
}

function toReplicate<T>(
  { tool, context }: BundleAsking<any, T>,
  { id, seed, fields }: Pick<ReplicateSpec, "id" | "seed" | "fields">,
  outcome: CallOutcome<AcceptedResult<T>>,
): Replicate<T> {
  const facts = {
    id,
    seed,
    usage: outcome.usage,
    costUsd: outcome.costUsd,
    elapsedMs: Math.round(outcome.elapsedMs),
    attempts: outcome.attempts,
    ...(fields && { fields: [...fields] }),
  };
  if (outcome.ok) {
    const { data, json, score, model, warnings, reasoning, finishReason, logprobs, savedUsd } = outcome.value;
    const quality = { valid: true as const, ...(warnings?.length && { warnings: [...warnings] }) };
    const told = {
      ...(savedUsd !== undefined && { savedUsd }),
      ...(score !== undefined && { score }),
      ...(reasoning && { reasoning }),
      ...(finishReason && { finishReason }),
      ...(logprobs && { logprobs: { ...logprobs } }),
    };
    return withReplicateJson({ ...facts, model: model ?? modelOf(tool), valid: true, data, quality, ...told }, json);
  }
  const { error, failure } = outcome;
  const isInvalidOutput = InvalidOutputError.isInstance(error);
  const errors = isInvalidOutput ? [...error.errors] : [stoppedBecause(failure.message, context)];
  const data = isInvalidOutput ? toReadableData(error.data ?? null) : null;
  const invalid = {
    ...facts,
    model: modelOf(tool),
    valid: false as const,
    data,
    quality: { valid: false as const, errors },
  };
  return keepOriginal(withReplicateJson(invalid, data), error);
}

function stoppedBecause(message: string, context: ToolContext): string {
  return context.signal.aborted ? `stopped: ${message}` : message;
}

function modelOf(tool: ReplicateSource<any, any>): string {
  return tool.modelId ?? tool.provider ?? tool.name;
}

/** Returns the part of a budget for each of `count` calls. Time is not divided. */
function shareOf(remaining: Budget, count: number): Budget {
  return {
    ...(remaining.tokens !== undefined && { tokens: Math.floor(remaining.tokens / count) }),
    ...(remaining.costUsd !== undefined && { costUsd: remaining.costUsd / count }),
  };
}
