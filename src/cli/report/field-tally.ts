import type { BundleSummary } from "../../contract/bundle.ts";
import { hasConfidence, showOnLine } from "../progress/format.ts";
import { MostFrequent } from "./tallies.ts";

/** A field on which the answers to some inputs differ. */
export interface ContestedField {
  /** JSON pointer, with `*` for a place in a list; `""` is the whole answer. */
  readonly path: string;
  /** Inputs whose answers have the field. */
  readonly inputs: number;
  /** Those whose answers differ on it. */
  readonly contested: number;
  /** Those that end in a tie. */
  readonly tied: number;
  /** Mean confidence of the field over its inputs, of a list that of its least sure place. */
  readonly meanConfidence: number;
  /** The least sure input; its line of the output file. */
  readonly leastSure: { readonly line: number; readonly confidence: number };
  /** The two values that most often stood against each other; missing where no two did so in a tenth of the cases. */
  readonly rivals?: { readonly values: readonly [string, string]; readonly count: number };
}

interface Tally {
  inputs: number;
  contested: number;
  tied: number;
  /** Inputs with more than one answer, or labels. */
  sure: number;
  confidenceSum: number;
  leastSure: { line: number; confidence: number };
  readonly rivals: MostFrequent<readonly [string, string]>;
}

/** Fields of answers are named by models: there may be any number of them. */
const mostPaths = 2_000;
const leastRivalShare = 0.1;
/** Longer values hardly ever come twice. */
const longestRival = 40;

/** Fields of all answers of a job, and on how many inputs the answers differ in each. */
export class FieldTally {
  readonly #byPath = new Map<string, Tally>();

  add(summary: BundleSummary, line: number): void {
    const isSure = hasConfidence(summary);
    for (const [path, seen] of fieldsOf(summary)) {
      const tally = this.#tallyOf(path);
      if (!tally) continue;
      tally.inputs++;
      if (isSure) {
        tally.sure++;
        tally.confidenceSum += seen.confidence;
        if (seen.confidence < tally.leastSure.confidence) tally.leastSure = { line, confidence: seen.confidence };
      }
      if (!seen.rivals) continue;
      tally.contested++;
      if (seen.tied) tally.tied++;
      const { rivals } = seen;
      if (rivals.every((value) => value.length <= longestRival)) tally.rivals.add(JSON.stringify(rivals), () => rivals);
    }
  }

  /** Fields on which answers differ, most inputs first. */
  contested(most: number): { fields: readonly ContestedField[]; moreCount: number } {
    const fields = [...this.#byPath]
      .filter(([, { contested }]) => contested > 0)
      .sort(([, a], [, b]) => b.contested - a.contested || meanConfidence(a) - meanConfidence(b));
    return { fields: fields.slice(0, most).map(describe), moreCount: Math.max(0, fields.length - most) };
  }

  #tallyOf(path: string): Tally | undefined {
    const known = this.#byPath.get(path);
    if (known || this.#byPath.size === mostPaths) return known;
    const leastSure = { line: 0, confidence: Number.POSITIVE_INFINITY };
    const tally: Tally = {
      inputs: 0,
      contested: 0,
      tied: 0,
      sure: 0,
      confidenceSum: 0,
      leastSure,
      rivals: new MostFrequent(),
    };
    this.#byPath.set(path, tally);
    return tally;
  }
}

function meanConfidence({ confidenceSum, sure }: Tally): number {
  return confidenceSum / sure;
}

function describe([path, tally]: [string, Tally]): ContestedField {
  const { inputs, contested, tied, leastSure, rivals } = tally;
  const [first] = rivals.top(1);
  return {
    path,
    inputs,
    contested,
    tied,
    meanConfidence: meanConfidence(tally),
    leastSure,
    ...(first &&
      first.count >= Math.max(2, contested * leastRivalShare) && {
        rivals: { values: first.value, count: first.count },
      }),
  };
}

/** A field of one input; of a list, its least sure place. */
interface SeenField {
  confidence: number;
  tied: boolean;
  /** The first two values, in the order of their text, where the answers differ. */
  rivals?: readonly [string, string];
}

function fieldsOf({ fields, disagreements }: BundleSummary): ReadonlyMap<string, SeenField> {
  const seen = new Map<string, SeenField>();
  for (const [pointer, { confidence }] of Object.entries(fields)) {
    const path = withoutPlaces(pointer);
    const known = seen.get(path);
    if (!known) seen.set(path, { confidence, tied: false });
    else known.confidence = Math.min(known.confidence, confidence);
  }
  for (const { path: pointer, tied, values } of disagreements) {
    const field = seen.get(withoutPlaces(pointer));
    if (!field) continue;
    field.tied ||= tied;
    const [first, second] = values;
    if (first && second) field.rivals ??= [showVote(first), showVote(second)].sort() as [string, string];
  }
  return seen;
}

/** Text of what an answer says of a field. */
function showVote(vote: { readonly value?: unknown }): string {
  return "value" in vote ? showOnLine(vote.value) : "absent";
}

export function withoutPlaces(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/*");
}
