import { acceptanceSignalsOf, type BoughtSignal } from "../../calibration/job-acceptance.ts";
import type { Accepted } from "../../evidence/accept-answers.ts";
import type { Purchase } from "../../evidence/rank-purchases.ts";
import type { Signal } from "../../tool/signals.ts";
import { Answers } from "../label/answers.ts";
import type { LabelLine } from "../label/labels.ts";
import { readLabels } from "../label/labels-file.ts";
import type { JobHead } from "../output/job-head.ts";
import { lockFile, writeVerdicts } from "../output/output-log.ts";
import { copyOf, excerptOf, showInput } from "../report/excerpt.ts";
import { type Acceptance, type AskedPrecision, acceptJob, looksOf } from "./acceptance.ts";
import { basisOf, type CertificateBasis, readAcceptance, voidedBy, writeAcceptance } from "./acceptance-file.ts";
import { buySignals, priceOf, type SignalRuns } from "./buy-signals.ts";
import { readSignals, type SignalLine, SignalsFile, withSignals } from "./signals-file.ts";
import {
  type AcceptanceCounts,
  describeAcceptance,
  describeBought,
  describeMove,
  describeOffers,
  labelCommand,
  type Offers,
} from "./words.ts";

/** A job whose answers are to be accepted. */
export interface AcceptedJob extends AskedPrecision {
  /** Output file. */
  readonly path: string;
  readonly head: JobHead | undefined;
  readonly signals: readonly Signal[];
  /** Lines without a valid answer. */
  readonly runs: SignalRuns;
}

/** Result of an acceptance: the verdict on each line, and what to say. */
export interface AcceptedLines {
  /** Verdicts by the number of the line; a line that has none is refused. */
  readonly verdicts: ReadonlyMap<number, Accepted>;
  readonly told: readonly string[];
}

/**
 * Accepts the answers of an output file that are right as often as was asked: buys the signals that pay, holds the labels
 * against the precision, and keeps the certificate with what it rests on.
 *
 * @throws CommandError where signals cannot be asked for, or a file cannot be read or written
 */
export async function acceptAnswersOf(job: AcceptedJob): Promise<AcceptedLines> {
  const { path, head, signals, runs, precision, confidence } = job;
  const answers = await Answers.open(path, { mayHoldNone: true });
  const file = await SignalsFile.open(path);
  try {
    const left = signals.length > 0 ? await buySignals(answers, file, signals, precision, runs) : [];
    const labels = await readLabels(path);
    const settled = settle(path, head, answers, labels, file.lines, { precision, confidence });
    const offers = offersOf(settled.acceptance, left, file, signals);
    writeAcceptance(path, settled.acceptance, settled.restsOn, offers);
    return { verdicts: settled.verdicts, told: tell(path, settled, file.lines, offers) };
  } finally {
    file.close();
    await answers.close();
  }
}

/**
 * Holds new labels against the precision that `steer run --right` asked for, and writes the verdicts into the output file.
 *
 * @returns what moved, in words; nothing for a job that was run without `--right`
 * @throws CommandError where a file cannot be read or written
 */
export async function acceptAgain(answers: Answers, labels: ReadonlyMap<string, LabelLine>): Promise<string[]> {
  const { path, head } = answers;
  const before = readAcceptance(path);
  if (!before) return [];
  const signals = await readSignals(path);
  const release = await lockFile(path);
  try {
    const { precision, confidence } = before;
    const settled = settle(path, head, answers, labels, signals, { precision, confidence });
    const offers = { labels: settled.acceptance.moreLabels, signals: before.offers.signals };
    writeAcceptance(path, settled.acceptance, settled.restsOn, offers);
    await writeVerdicts(path, settled.verdicts);
    const moved = describeMove(before.counts, settled.counts);
    const more = describeOffers(offers);
    return [...describeSettled(settled), ...[moved, more].filter((line) => line !== undefined)];
  } finally {
    release();
  }
}

/** Accepted answers of a job, as its report shows them. */
export interface ReportedAcceptance extends AcceptanceCounts, AskedPrecision {
  readonly isCertified: boolean;
  /** Reasons why the certificate of the file does not hold any more. */
  readonly voided: readonly string[];
  /** Sentences on what is accepted and why, with the price of more. */
  readonly sentences: readonly string[];
  /** Answers to review, those first whose label buys most: the surest. */
  readonly toReview: readonly ReviewedAnswer[];
}

/** An answer to review. */
export interface ReviewedAnswer {
  /** Line of the output file, from 1. */
  readonly line: number;
  readonly score: number;
  readonly input: string;
  readonly consensus: string;
}

/**
 * Reads what is accepted of an output file; `undefined` for a job that was run without `--right`.
 *
 * @param most answers to review that are listed
 */
export async function readAccepted(path: string, most: number): Promise<ReportedAcceptance | undefined> {
  const kept = readAcceptance(path);
  if (!kept) return undefined;
  const answers = await Answers.open(path, { mayHoldNone: true });
  try {
    const { precision, confidence } = kept;
    const asked = { precision, confidence };
    const signals = await readSignals(path);
    const settled = settle(path, answers.head, answers, await readLabels(path), signals, asked);
    const { accepted, scores, certificate } = settled.acceptance;
    const open = answers.all.flatMap((answer, at) =>
      accepted[at] === "review" ? [{ answer, score: scores[at] as number }] : [],
    );
    const first = open.toSorted((a, b) => b.score - a.score || a.answer.line - b.answer.line).slice(0, most);
    const toReview: ReviewedAnswer[] = [];
    for (const { answer, score } of first) {
      const { input, bundle } = await answers.read(answer);
      const consensus = excerptOf(bundle.summary.consensusJson ?? bundle.summary.consensus);
      toReview.push(copyOf({ line: answer.line, score, input: showInput(input), consensus }));
    }
    const more = [describeBought(signals), describeOffers(kept.offers)].filter((line) => line !== undefined);
    return {
      ...asked,
      ...settled.counts,
      isCertified: certificate !== undefined,
      voided: settled.voided,
      sentences: [...describeSettled(settled), ...more],
      toReview,
    };
  } finally {
    await answers.close();
  }
}

/** Acceptance of the answers as they stand. */
interface Settled {
  readonly acceptance: Acceptance;
  readonly restsOn: CertificateBasis;
  readonly counts: AcceptanceCounts;
  readonly verdicts: ReadonlyMap<number, Accepted>;
  /** Reasons why an earlier certificate does not hold any more. */
  readonly voided: readonly string[];
}

/** Holds the labels of an output file against the precision. Buys and keeps nothing. */
function settle(
  path: string,
  head: JobHead | undefined,
  answers: Answers,
  labels: ReadonlyMap<string, LabelLine>,
  signals: readonly SignalLine[],
  asked: AskedPrecision,
): Settled {
  const restsOn = basisOf(head, answers.all, labels, signals);
  const before = readAcceptance(path);
  const voided = before?.certificate ? voidedBy(before.restsOn, restsOn) : [];
  const bundles = acceptanceSignalsOf(withSignals(answers.all, signals));
  const looks = looksOf(answers.all, bundles, labels, asked, before?.looks ?? []);
  const acceptance = acceptJob(answers.all, bundles, labels, asked, looks);
  const { accepted } = acceptance;
  const count = (verdict: Accepted) => accepted.filter((each) => each === verdict).length;
  return {
    acceptance,
    restsOn,
    counts: { accepted: count(true), review: count("review"), wrong: count(false), failed: answers.withoutAnswer },
    verdicts: new Map(answers.all.map(({ line }, at) => [line, accepted[at] as Accepted])),
    voided,
  };
}

function tell(path: string, settled: Settled, lines: readonly SignalLine[], offers: Offers): string[] {
  const more = [describeBought(lines), describeOffers(offers)].filter((line) => line !== undefined);
  const isOpen = settled.counts.review > 0;
  return [...describeSettled(settled), ...more, ...(isOpen ? [`Judge answers: ${labelCommand(path)}`] : [])];
}

function describeSettled({ acceptance, counts, voided }: Settled): string[] {
  return [
    ...voided.map((reason) => `The certificate that this job had is void: ${reason}.`),
    ...describeAcceptance(acceptance, counts),
  ];
}

/** @param left purchases that still pay, and were not made */
function offersOf(
  acceptance: Acceptance,
  left: readonly Purchase[],
  file: SignalsFile,
  signals: readonly Signal[],
): Offers {
  const open = left.filter(({ bundle }) => acceptance.accepted[bundle] === "review");
  return {
    labels: acceptance.moreLabels,
    signals: [...Map.groupBy(open, ({ signal }) => signal)].map(([signal, purchases]) => {
      const known = signals.find(({ kind }) => kind === signal) as Signal;
      const price = priceOf(file, known);
      return {
        signal: signal as BoughtSignal,
        count: purchases.length,
        more: purchases.reduce((sum, { gain }) => sum + gain, 0),
        costUsd: price === undefined ? null : price * purchases.length,
      };
    }),
  };
}
