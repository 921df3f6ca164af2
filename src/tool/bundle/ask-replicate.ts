import type { Replicate, ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { CallAttempt, CallOutcome, ToolRuntime } from "../../contract/call.ts";
import { endsBundle } from "../../contract/error-category.ts";
import { BudgetExceeded } from "../../contract/errors.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import { addSpent, type Budget, subtractSpent } from "../../contract/usage.ts";
import { InvalidOptionsError, showValue } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import type { Answer } from "./answer-json.ts";
import { acceptAnswer, checkAnswer } from "./answers.ts";
import { type AskedSpec, type BundleAsking, specOf } from "./bundle-asking.ts";
import { findJournaled, keepReplicate, keptFacts, takeFromShelf } from "./kept-replicates.ts";
import type { Asked } from "./replicate-scheduler.ts";
import type { ReplicateSource } from "./replicate-source.ts";
import type { GivenSample, SampleRound } from "./sample-round.ts";
import { type AcceptedResult, toReplicate } from "./to-replicate.ts";
import { attemptContext, countUse } from "./tool-runtime.ts";

/**
 * Gets one replicate: out of the journal or the shelf, out of another replicate's request, or by asking the model under the
 * run's policies. Checks it, keeps it, and then reports it.
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
  const recorded = await findJournaled(asking, index);
  if (recorded) return recorded;
  const spec: AskedSpec = { ...specOf(asking, index), ...(fields && { fields }) };
  const reused = await takeFromShelf(asking, spec);
  if (reused) return reused;
  const startedMs = asking.context.clock.now();
  const share = fields ? alone : await joinRound(asking, index);
  const read = share.sample && (await readSample<T>(asking, share.sample, spec));
  if (share.sample && read?.value) return settleSample(asking, spec, share.sample, read.value, startedMs);
  return askModel(asking, spec, { share, sampleFault: read, onWarm });
}

/** Part that a replicate takes in requests for several answers. */
interface RoundShare {
  /** Request that this replicate makes, for others too. */
  readonly ledRound?: SampleRound | undefined;
  /** Answer that came for it with another replicate's request. */
  readonly sample?: (GivenSample & { readonly askedBy: number }) | undefined;
}

const alone: RoundShare = {};

/** Takes part in requests for several answers: makes one, or waits for an answer out of another's. */
async function joinRound({ bound: { rounds }, context }: BundleAsking<any, any>, index: number): Promise<RoundShare> {
  while (rounds?.isOpen) {
    const round = await untilEnd(rounds.join(index), context);
    if (!round) return alone;
    if (round.isLed(index)) return { ledRound: round };
    const sample = await untilEnd(round.sampleFor(index), context);
    if (sample) return { sample: { ...sample, askedBy: round.members[0] as number } };
    if (!round.isShort) return alone;
  }
  return alone;
}

/** Waits for other replicates, no longer than the run lasts: what is there by then has to be given out. */
function untilEnd<R>(others: Promise<R>, { signal }: ToolContext): Promise<R | undefined> {
  const scope = new CancelScope(signal);
  const waited = scope.race<R | undefined>(others).catch(() => undefined);
  return waited.finally(() => scope.dispose());
}

/** Reads an answer that came with the request of another replicate: its value, or what is wrong with it. */
async function readSample<T>(
  asking: BundleAsking<any, T>,
  { read, savedUsd }: GivenSample,
  { fields }: AskedSpec,
): Promise<{ readonly value?: AcceptedResult<T>; readonly error?: unknown }> {
  try {
    const result = (await read()) as ReplicateResult<T>;
    const answer = (await acceptAnswer(asking, result.data, fields)) as Answer & { readonly data: T };
    return { value: { ...result, ...answer, savedUsd } };
  } catch (error) {
    return { error };
  }
}

/** Settles a replicate whose answer came with the request of another one. */
function settleSample<T>(
  asking: BundleAsking<any, T>,
  spec: AskedSpec,
  { askedBy, usage, costUsd }: NonNullable<RoundShare["sample"]>,
  value: AcceptedResult<T>,
  startedMs: number,
): Promise<Asked> {
  const { context, options } = asking;
  context.events.emit("replicate_started", { replicateId: spec.id, seed: spec.seed });
  const elapsedMs = context.clock.now() - startedMs;
  const outcome = { ok: true as const, value, usage, costUsd, attempts: 1, elapsedMs };
  const callSeed = options.seeds[askedBy] as number;
  return settle(asking, spec, Object.assign(toReplicate(asking, spec, outcome), { callSeed }), outcome);
}

/** Means of a call for one replicate. */
interface CallMeans {
  readonly share: RoundShare;
  /** Fault of the answer that came with another's request: the first attempt fails by it, and the next one corrects it. */
  readonly sampleFault: { readonly error?: unknown } | undefined;
  readonly onWarm: (() => void) | undefined;
}

/** Asks the model for a replicate, in one guarded call. */
async function askModel<Input, T>(
  asking: BundleAsking<Input, T>,
  spec: AskedSpec,
  { share, sampleFault, onWarm }: CallMeans,
): Promise<Asked> {
  const { tool, options, context, runtime } = asking;
  const { ledRound: round, sample } = share;
  let hasStarted = false;
  const guarded = await runtime.guard<AcceptedResult<T>>({
    provider: tool.provider ?? `tool:${tool.name}`,
    replicateId: spec.id,
    modelId: tool.modelId,
    seed: spec.seed,
    bound: (remaining, error, unspent) =>
      asking.bound(shareOf(remaining, options.k - spec.index), remaining, error, unspent, round),
    expectedTokens: (error) => asking.bound.expectedTokens?.(error),
    limits: options.perReplicateBudget,
    execute(attempt) {
      if (!hasStarted) context.events.emit("replicate_started", { replicateId: spec.id, seed: spec.seed });
      hasStarted = true;
      if (sampleFault && attempt.attempt === 1) throw sampleFault.error;
      return answerOnce(asking, { ...spec, attempt: attempt.attempt }, attempt, { onWarm, round });
    },
  });
  round?.end();
  const outcome = withShares(guarded, round, sample);
  if (hasStarted) return settle(asking, spec, toReplicate(asking, spec, outcome), outcome);
  return { failure: failureOf(outcome), isHopeless: true };
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

/** Keeps a replicate, and then reports it. */
async function settle<T>(
  asking: BundleAsking<any, T>,
  { index }: AskedSpec,
  replicate: Replicate<T>,
  outcome: CallOutcome<unknown>,
): Promise<Asked> {
  const { context, runtime, options } = asking;
  const kept = await keepReplicate(asking, index, replicate as Replicate);
  const events = runtime.eventsFor?.(outcome.attempts) ?? context.events;
  events.emit("replicate_done", { replicate, ...keptFacts(asking, kept.reason) });
  if (kept.failure) return { replicate, failure: kept.failure, isHopeless: true };
  return { replicate, failure: failureOf(outcome), isHopeless: !outcome.ok && isHopeless(outcome, options) };
}

function failureOf(outcome: CallOutcome<unknown>): Asked["failure"] {
  return outcome.ok ? undefined : { error: outcome.error, facts: outcome.failure };
}

/** Lets the tool answer once. @throws what is wrong with its answer */
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

/** Returns the part of a budget for each of `count` calls. Time is not divided. */
function shareOf(remaining: Budget, count: number): Budget {
  return {
    ...(remaining.tokens !== undefined && { tokens: Math.floor(remaining.tokens / count) }),
    ...(remaining.costUsd !== undefined && { costUsd: remaining.costUsd / count }),
  };
}
