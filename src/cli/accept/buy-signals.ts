import { planPurchases } from "../../calibration/job-acceptance.ts";
import type { OrchestrationConfig } from "../../contract/config.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { Purchase } from "../../evidence/rank-purchases.ts";
import type { JobWait } from "../../orchestrate/job/provider-health.ts";
import type { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { Signal } from "../../tool/signals.ts";
import { CommandError, exitCode } from "../faults.ts";
import type { Input } from "../input/input.ts";
import { JobBudget } from "../job/job-tally.ts";
import { runJob } from "../job/run-job.ts";
import type { Answer } from "../label/answer.ts";
import type { Answers } from "../label/answers.ts";
import { bundleIn, type OutputLine } from "../output/output-line.ts";
import { type SignalLine, type SignalsFile, withSignals } from "./signals-file.ts";

/** Means by which signals are asked for: those of the job. */
export interface SignalRuns {
  readonly orchestrator: ReliableOrchestrator;
  readonly options: OrchestrationConfig;
  readonly concurrency: number;
  readonly giveUpAfterMs: number | undefined;
  /** US dollars that answers and signals so far have left of the job's ceiling; `undefined` without one. */
  readonly leftUsd: number | undefined;
  /** Dollars that a signal is taken to cost until one was bought. */
  readonly guessedUsd: number;
  readonly finish: CancelScope;
  readonly onWait: (wait: JobWait | undefined) => void;
  readonly notify: (message: string) => void;
  /** Hears of each signal that was bought. */
  readonly onSignal: (signal: SignalLine) => void;
}

/** Purchases of one round, as a share of those that pay: what they say decides the next round. */
const shareOfRound = 1 / 3;

/**
 * Buys signals of the answers of an output file, until nothing pays or the ceiling is reached. Each is an ordinary run, and
 * on the disk before it counts.
 *
 * @returns the purchases that still pay, where the ceiling was reached or the job was asked to end
 * @throws CommandError as a job does
 */
export async function buySignals(
  answers: Answers,
  file: SignalsFile,
  signals: readonly Signal[],
  precision: number,
  runs: SignalRuns,
): Promise<Purchase[]> {
  const leftUsd = runs.leftUsd === undefined ? undefined : Math.max(0, runs.leftUsd);
  const budget = new JobBudget(leftUsd, runs.concurrency);
  const byKind = new Map(signals.map((signal) => [signal.kind as string, signal]));
  for (let round = 0; ; round++) {
    const plan = plannedFor(answers.all, file, signals, precision, runs.guessedUsd);
    if (leftUsd !== undefined && leftUsd <= 0) return plan;
    if (plan.length === 0 || runs.finish.aborted) return plan;
    if (round === 0) runs.notify(announcement(signals));
    const batch = plan.slice(0, Math.max(4 * runs.concurrency, Math.ceil(plan.length * shareOfRound)));
    const samplesOf = ({ bundle, signal }: Purchase) =>
      samplesIn(file, answers.all[bundle] as Answer, byKind.get(signal) as Signal);
    const groups = Map.groupBy(batch, (purchase) => `${purchase.signal}/${samplesOf(purchase)}`);
    for (const group of groups.values()) {
      const [first] = group as [Purchase];
      const signal = byKind.get(first.signal) as Signal;
      const bought = group.map(({ bundle }) => answers.all[bundle] as Answer);
      if (!(await buyGroup(answers, file, { signal, sample: samplesOf(first), bought }, budget, runs))) {
        return plannedFor(answers.all, file, signals, precision, runs.guessedUsd);
      }
    }
  }
}

/** Purchases that pay, by what signals have cost so far. */
function plannedFor(
  answers: readonly Answer[],
  file: Pick<SignalsFile, "lines">,
  signals: readonly Signal[],
  precision: number,
  guessedUsd: number,
): Purchase[] {
  const asked = new Map(signals.map(({ kind, modelId }) => [kind, modelId]));
  return planPurchases(withSignals(answers, file.lines, asked), {
    precision,
    prices: Object.fromEntries(signals.map((signal) => [signal.kind, priceOf(file, signal) ?? guessedUsd])),
    mostSamples: Object.fromEntries(signals.map(({ kind, mostSamples }) => [kind, mostSamples])),
  });
}

/** Mean cost of a signal so far; `undefined` where none was bought, or costs are not known. */
export function priceOf({ lines }: Pick<SignalsFile, "lines">, { kind, modelId }: Signal): number | undefined {
  const costs = lines.flatMap(({ signal, model, costUsd }) =>
    signal === kind && model === modelId ? (costUsd ?? []) : [],
  );
  return costs.length === 0 ? undefined : costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
}

function samplesIn({ lines }: SignalsFile, { fingerprint, content }: Answer, { kind, modelId }: Signal): number {
  return lines.filter(
    (line) => line.answer === fingerprint && line.content === content && line.signal === kind && line.model === modelId,
  ).length;
}

function announcement(signals: readonly Signal[]): string {
  const asked = signals.map(({ kind, modelId }) =>
    kind === "verifier" ? `${modelId} if answers are right` : `${modelId} the same questions`,
  );
  return `Asking ${asked.join(", and ")}, where it tells accepted answers from others.`;
}

interface Group {
  readonly signal: Signal;
  readonly sample: number;
  readonly bought: readonly Answer[];
}

/** @returns false where the ceiling was reached */
async function buyGroup(
  answers: Answers,
  file: SignalsFile,
  { signal, sample, bought }: Group,
  budget: JobBudget,
  runs: SignalRuns,
): Promise<boolean> {
  const consensus = new Map<number, unknown>();
  const pending: Promise<void>[] = [];
  const keep = async (line: OutputLine) => {
    const { fingerprint, content } = bought[line.index] as Answer;
    const bundle = bundleIn(line);
    const value = bundle && (await signal.valueOf(bundle, consensus.get(line.index) as never));
    consensus.delete(line.index);
    const { kind, modelId } = signal;
    const { usage, costUsd } = line;
    const paid = { tokens: usage.totalTokens, costUsd };
    const signalLine = {
      signal: kind,
      answer: fingerprint,
      content,
      model: modelId,
      sample,
      value: value ?? null,
      ...paid,
    };
    file.add(signalLine);
    runs.onSignal(signalLine);
  };
  const inputs = async function* (): AsyncGenerator<Input> {
    for (const [index, answer] of bought.entries()) {
      const { input, bundle } = await answers.read(answer);
      const answered = bundle.summary.consensusJson ?? (bundle.summary.consensus as never);
      consensus.set(index, answered);
      yield { index, request: await signal.requestOf(input, answered), place: `${answers.path}:${answer.line}` };
    }
  };
  try {
    await runJob({
      ...runs,
      tool: signal.tool,
      toolOptions: signal.optionsOf(sample),
      budget,
      inputs: inputs(),
      fingerprintOf: ({ index }) => `${signal.kind}/${sample}/${(bought[index] as Answer).fingerprint}`,
      onLine: (line) => void pending.push(keep(line)),
    });
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === exitCode.budgetSpent) return false;
    throw error;
  } finally {
    await Promise.all(pending);
  }
}
