import { type Random, seededRandom } from "../../src/core/random.ts";
import type { SummarizedReplicate } from "../../src/evidence/summary.ts";

/** Answers of one text that differs everywhere. */
export interface LongTexts {
  readonly count: number;
  readonly characters: number;
}

export const longTexts: readonly LongTexts[] = [
  { count: 3, characters: 1_000_000 },
  { count: 40, characters: 1_000_000 },
  { count: 1_000, characters: 20_000 },
  { count: 1_000, characters: 4_000 },
];

export function answersOf({ count, characters }: LongTexts): SummarizedReplicate<object>[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index + 1}`,
    data: { report: textOf(characters, seededRandom(index)) },
  }));
}

/** Words that are the rarer the higher their number is, as words are. */
function textOf(characters: number, random: Random): string {
  const words: string[] = [];
  for (let length = 0; length < characters; length += (words.at(-1) as string).length + 1)
    words.push(`w${Math.floor(20_000 ** random.next()).toString(36)}`);
  return words.join(" ");
}
