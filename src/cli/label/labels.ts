/** Ways to draw the next answer. */
export const draws = ["uniform", "stratified", "least-sure"] as const;
export type Draw = (typeof draws)[number];

/** Verdict on an answer: right or wrong, as a whole or by JSON pointer; `null` for one that was skipped. */
export type Verdict = boolean | null | Readonly<Record<string, boolean>>;

/** A label, and how its answer was drawn. */
export interface LabelLine {
  readonly label: Verdict;
  /** The answer's id for people. */
  readonly id: string;
  /** Fingerprint of the line in the output file. */
  readonly fingerprint: string;
  /** Fingerprint of the consensus that was judged. Labels of earlier releases have none. */
  readonly content?: string | undefined;
  readonly draw: Draw;
  readonly seed: number;
  /** Answers that it was drawn from. */
  readonly of: number;
  /** The viewer held the labels up to this one against the precision, and showed what they certify. */
  readonly look?: true | undefined;
}

/** The answer that a label is of. */
type LabelledAnswer = Pick<LabelLine, "fingerprint" | "content">;

/** Returns the label of an answer. A label of an earlier release does not name its consensus, and is of any. */
export function labelOf<L>(labels: ReadonlyMap<string, L>, answer: LabelledAnswer): L | undefined {
  return labels.get(keyOf(answer)) ?? labels.get(answer.fingerprint);
}

/** Returns the key under which the label of an answer is kept. */
export function keyOf({ fingerprint, content }: LabelledAnswer): string {
  return content === undefined ? fingerprint : `${fingerprint}/${content}`;
}
