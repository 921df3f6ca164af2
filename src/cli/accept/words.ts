import { addCost } from "../../contract/usage.ts";
import type { Purchase } from "../../evidence/rank-purchases.ts";
import { counted, showCount, showOnLine, showUsd } from "../progress/format.ts";
import type { Acceptance } from "./acceptance.ts";
import type { SignalLine } from "./signals-file.ts";

/** More of the job for a price: what further labels and signals would accept. */
export interface Offers {
  /** Labels of a uniform draw, and how many more answers they would accept about. */
  readonly labels: { readonly count: number; readonly more: number } | undefined;
  /** Calls of each signal that still pay. */
  readonly signals: readonly {
    readonly signal: Purchase["signal"];
    readonly count: number;
    readonly more: number;
    readonly costUsd: number | null;
  }[];
}

/** Accepted, to review and refused answers in words. */
export interface AcceptanceCounts {
  readonly accepted: number;
  readonly review: number;
  /** Judged wrong. */
  readonly wrong: number;
  readonly failed: number;
}

/** Sentences that tell an acceptance. The end of a job, `steer label` and the report say the same. */
export function describeAcceptance(acceptance: Acceptance, counts: AcceptanceCounts): string[] {
  const { precision, confidence, certificate, labels } = acceptance;
  const total = counts.accepted + counts.review + counts.wrong + counts.failed;
  const rest = [
    `${showCount(counts.review)} to review`,
    ...(counts.wrong > 0 ? [`${showCount(counts.wrong)} judged wrong`] : []),
    ...(counts.failed > 0 ? [`${showCount(counts.failed)} without an answer`] : []),
  ].join(" · ");
  if (certificate) {
    const from = counted(labels.certifying, "label");
    return [
      `accepted ${showCount(counts.accepted)} of ${showCount(total)} (at least ${share(precision)} right, with ${share(confidence)} confidence, from ${from}) · ${rest}`,
      ...describeFall(acceptance),
      ...describeAstray(acceptance),
    ];
  }
  const judged =
    counts.accepted > 0
      ? `accepted ${showCount(counts.accepted)} of ${showCount(total)}, judged right one by one`
      : `accepted 0 of ${showCount(total)}`;
  return [`${judged} · ${rest}`, `Nothing is certified${whyNot(acceptance)}`, ...describeAstray(acceptance)];
}

/** The certificate is one of the whole job, and its last lines may be worse. */
function describeFall({ fall, precision }: Acceptance): string[] {
  if (!fall) return [];
  const seen = `${showCount(fall.wrong)} of ${counted(fall.labels, "label")} of accepted answers say wrong`;
  return [
    `From line ${showCount(fall.line)} on, ${seen}. The set is ${share(precision)} right as a whole, and these lines are not: give them as a job of their own.`,
  ];
}

function describeAstray({ astray, foreign }: Acceptance): string[] {
  const others = `${counted(foreign, "label")} ${foreign === 1 ? "is" : "are"} of answers that this job does not have.`;
  const told = foreign > 0 ? [others] : [];
  if (astray === 0) return told;
  const [are, settle] = astray === 1 ? ["is", "It settles its"] : ["are", "Each settles its"];
  return [
    ...told,
    `${counted(astray, "label")} of a uniform draw ${are} not next in the draw that certifies: the seed is another, a label before is missing, or another draw came between. ${settle} own answer.`,
  ];
}

function whyNot(acceptance: Acceptance): string {
  const { precision, confidence, labels, needed, outgrown, hasLooked, withdrawn } = acceptance;
  const aim = `${share(precision)} right with ${share(confidence)} confidence`;
  const grown =
    outgrown > 0
      ? ` ${counted(outgrown, "label")} of a uniform draw ${outgrown === 1 ? "was" : "were"} drawn when the job had fewer answers, and no longer certify.`
      : "";
  const more = needed - labels.certifying;
  if (labels.certifying === 0 && labels.right + labels.wrong + labels.skipped === 0)
    return `: no answer is judged. It takes ${counted(needed, "label")} of a uniform draw, if all are right, to certify ${aim}.`;
  if (labels.certifying === 0)
    return `: the labels are not of a uniform draw of all answers. It takes ${counted(needed, "label")} of one, if all are right, to certify ${aim}.${grown}`;
  if (withdrawn)
    return `. The certificate is withdrawn: ${showCount(withdrawn.wrong)} of ${counted(withdrawn.labels, "later label")} of accepted answers say wrong.${grown}`;
  if (hasLooked) {
    const next = more > 0 ? ` The next look at them takes ${counted(more, "more label")}.` : "";
    return `: of the surest answers, too many are judged wrong for ${aim}. More labels, a verifier or a second model may tell them apart.${next}${grown}`;
  }
  if (more <= 0) return `.${grown}`;
  if (labels.wrong + labels.skipped > 0)
    return `: it takes at least ${counted(more, "more label")} of the uniform draw to certify ${aim}.${grown}`;
  return `: ${counted(more, "more label")} of the uniform draw, if all are right, would certify ${aim}.${grown}`;
}

/** The price of more, in one line; `undefined` where nothing is on offer. */
export function describeOffers({ labels, signals }: Offers): string | undefined {
  const parts = [
    ...(labels && labels.more > 0 ? [`${counted(labels.count, "more label")}: about +${showCount(labels.more)}`] : []),
    ...signals.map(({ signal, count, more, costUsd }) => {
      const call = signal === "verifier" ? "one verifier call each" : "one call of the second model each";
      return `${call} on ${showCount(count)}: about +${showCount(Math.round(more))}, ${showUsd(costUsd)}`;
    }),
  ];
  return parts.length === 0 ? undefined : parts.join(" · ");
}

/** Change that labels made; `undefined` where nothing moved. */
export function describeMove(
  before: { readonly accepted: number; readonly review: number },
  { accepted, review }: AcceptanceCounts,
): string | undefined {
  if (before.accepted === accepted && before.review === review) return undefined;
  return `What moved: accepted ${showCount(before.accepted)} to ${showCount(accepted)}, to review ${showCount(before.review)} to ${showCount(review)}.`;
}

/** Signals that were bought, and their price; `undefined` without one. */
export function describeBought(lines: readonly SignalLine[]): string | undefined {
  const kinds = Map.groupBy(lines, ({ signal, model }) => JSON.stringify([signal, model]));
  const parts = [...kinds].map(([name, bought]) => {
    const [signal, model] = JSON.parse(name) as [SignalLine["signal"], string];
    const costUsd = bought.reduce<number | null>((sum, line) => addCost(sum, line.costUsd), 0);
    const calls = counted(bought.length, signal === "verifier" ? "verifier call" : "second answer");
    return `${calls} (${showOnLine(model)}), ${showUsd(costUsd)}`;
  });
  return parts.length === 0 ? undefined : `Signals: ${parts.join(" · ")}.`;
}

/** Returns the command that gives labels. */
export function labelCommand(file: string): string {
  return `steer label ${showOnLine(file)} --draw uniform`;
}

function share(value: number): string {
  return `${Number((value * 100).toFixed(2))} %`;
}
