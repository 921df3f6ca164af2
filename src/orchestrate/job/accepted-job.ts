import { type AcceptableAnswer, acceptanceSignalsOf, planPurchases } from "../../calibration/job-acceptance.ts";
import { acceptOptions } from "../../contract/accept-options.ts";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import { hasEvidence, type OrchestrationOutput } from "../../contract/output.ts";
import type { AcceptParams, RunManyParams } from "../../contract/run.ts";
import type { AnyTool } from "../../contract/tool.ts";
import type { JSONValue } from "../../core/json.ts";
import { resolveOptions } from "../../core/options.ts";
import type { Random } from "../../core/random.ts";
import { acceptAnswers, type DrawnLabel } from "../../evidence/accept-answers.ts";
import type { Purchase } from "../../evidence/rank-purchases.ts";
import { createSignals, type Signal } from "../../tool/signals.ts";
import type { RunManyResult } from "../run-many.ts";
import type { JobTry } from "./job-input.ts";
import type { JobResult } from "./run-job.ts";

/** A job whose answers are accepted once all are there. */
export interface AcceptedJob {
  readonly params: RunManyParams<any, any, any>;
  readonly tool: AnyTool;
  readonly random: Random;
  /** Runs inputs as the job's requests are run: its limits, its waits, its budget for each. */
  runAll<I>(
    inputs: Iterable<I>,
    run: (input: I, jobTry: JobTry) => Promise<OrchestrationOutput>,
  ): AsyncIterable<JobResult<I>>;
  /** Runs a request of a tool under the options of the job. */
  runOne(tool: AnyTool, toolOptions: object, request: unknown, jobTry: JobTry): Promise<OrchestrationOutput>;
}

/** Purchases of one round, as a share of those that pay: what they say decides the next round. */
const shareOfRound = 1 / 3;

/**
 * Gives out the results of a job with a verdict on each. The votes come first; then signals are bought that pay, the labeller
 * is shown a uniform draw, and the labels certify what is accepted.
 *
 * @throws what the job, a signal or the labeller ends with, after the results so far were given out as to review
 */
export async function* acceptResults(
  results: AsyncIterable<JobResult<unknown>>,
  job: AcceptedJob,
): AsyncGenerator<RunManyResult<OrchestrationOutput>, void> {
  const { tool, params } = job;
  const signals = createSignals(tool, params.toolOptions, params);
  const ended: JobResult<unknown>[] = [];
  let verdicts: Awaited<ReturnType<typeof verdictsOn>>;
  try {
    for await (const result of results) ended.push(result);
    const answers = ended.flatMap((result) => answerOf(result) ?? []);
    await buySignals(answers, signals, job);
    verdicts = await verdictsOn(answers, job);
  } catch (error) {
    // The answers are paid for, whatever their signals or their labels failed with.
    for (const result of ended) yield { ...endOf(result), accepted: answerOf(result) ? "review" : false };
    throw error;
  }
  for (const result of ended)
    yield { ...endOf(result), ...(verdicts.get(result.index) ?? { accepted: false, score: null }) };
}

/** An answer, its place in the job, and the signals that were bought of it. */
interface JobAnswer extends AcceptableAnswer {
  readonly result: JobResult<unknown> & { readonly output: OrchestrationOutput };
  readonly consensus: JSONValue;
  readonly signals: { verifier?: (number | undefined)[]; secondModel?: (number | undefined)[] };
}

/** The answer of a result; `undefined` of one that failed, and where no replicate is valid. */
function answerOf(result: JobResult<unknown>): JobAnswer | undefined {
  if (!("output" in result) || result.output.status === "failed" || !hasEvidence(result.output)) return undefined;
  const { summary, meta } = result.output.content.evidenceBundle;
  if (summary.validCount === 0) return undefined;
  const { task, model, schemaFingerprint, k } = meta;
  const job = JSON.stringify([task, model, schemaFingerprint, k]);
  return { result, votes: summary, job, consensus: summary.consensusJson, signals: {} };
}

async function buySignals(answers: readonly JobAnswer[], signals: readonly Signal[], job: AcceptedJob): Promise<void> {
  const byKind = new Map(signals.map((signal) => [signal.kind as string, signal]));
  const spent = new Map<string, { usd: number; count: number }>();
  const price = (kind: string) => {
    const { usd, count } = spent.get(kind) ?? { usd: 0, count: 1 };
    return usd / count;
  };
  for (;;) {
    const plan = planPurchases(answers, {
      precision: job.params.accept?.precision as number,
      prices: Object.fromEntries(signals.map(({ kind }) => [kind, price(kind)])),
      mostSamples: Object.fromEntries(signals.map(({ kind, mostSamples }) => [kind, mostSamples])),
    });
    if (plan.length === 0) return;
    const batch = plan.slice(0, Math.max(4, Math.ceil(plan.length * shareOfRound)));
    const run = async ({ bundle, signal }: Purchase, jobTry: JobTry) => {
      const { result, consensus, signals: bought } = answers[bundle] as JobAnswer;
      const { tool, optionsOf, requestOf, kind } = byKind.get(signal) as Signal;
      const request = await requestOf(result.input, consensus);
      return job.runOne(tool, optionsOf(bought[kind]?.length ?? 0), request, jobTry);
    };
    for await (const end of job.runAll(batch, run)) {
      const { consensus, signals: bought } = answers[end.input.bundle] as JobAnswer;
      const signal = byKind.get(end.input.signal) as Signal;
      const bundle = "output" in end && hasEvidence(end.output) ? end.output.content.evidenceBundle : undefined;
      const value = bundle && (await signal.valueOf(bundle as EvidenceBundle, consensus));
      const samples = bought[signal.kind] ?? [];
      bought[signal.kind] = [...samples, value];
      const { usd, count } = spent.get(signal.kind) ?? { usd: 0, count: 0 };
      spent.set(signal.kind, { usd: usd + (("output" in end && end.output.costUsd) || 0), count: count + 1 });
    }
  }
}

/** Verdicts by the index of the request. */
async function verdictsOn(answers: readonly JobAnswer[], { params, random }: AcceptedJob) {
  const { precision, confidence, label: given, labels: most } = resolveOptions(acceptOptions, params.accept);
  const label = given as AcceptParams["label"];
  const labels: DrawnLabel[] = [];
  const skipped = new Set<number>();
  const order = answers.map((_, bundle) => ({ bundle, at: random.next() })).toSorted((a, b) => a.at - b.at);
  for (const { bundle } of label ? order.slice(0, most) : []) {
    const { index, input: request, output } = (answers[bundle] as JobAnswer).result;
    const verdict = await label?.({ index, request, output });
    if (verdict === undefined) break;
    if (verdict === null) skipped.add(bundle);
    labels.push({ bundle, correct: verdict ?? false, draw: "uniform" });
  }
  const { accepted, score } = acceptAnswers(acceptanceSignalsOf(answers), labels, { precision, confidence });
  return new Map(
    answers.map(({ result }, at) => {
      const verdict = skipped.has(at) ? "review" : accepted[at];
      return [
        result.index,
        { accepted: verdict as NonNullable<typeof verdict>, score: score.scores[at] as number | null },
      ];
    }),
  );
}

function endOf(result: JobResult<unknown>): RunManyResult<OrchestrationOutput> {
  const { index } = result;
  return "error" in result ? { index, error: result.error } : { index, output: result.output };
}
