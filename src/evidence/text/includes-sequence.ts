/**
 * Whether a sequence stands somewhere in a list, item after item, found in a time of the sum of both lengths (Knuth,
 * Morris and Pratt 1977).
 */
export function includesSequence<T>(list: readonly T[], sequence: readonly T[]): boolean {
  const borders = bordersOf(sequence);
  let matched = 0;
  for (const item of list) {
    if (matched === sequence.length) break;
    matched = extend(matched, item, sequence, borders);
  }
  return matched === sequence.length;
}

/** By length of a beginning of the sequence: the longest shorter beginning that it ends with. */
function bordersOf<T>(sequence: readonly T[]): Int32Array {
  const borders = new Int32Array(sequence.length + 1);
  let border = 0;
  for (let length = 2; length <= sequence.length; length++) {
    border = extend(border, sequence[length - 1] as T, sequence, borders);
    borders[length] = border;
  }
  return borders;
}

/** How much of the sequence is matched with one more item, where `matched` of it were before. */
function extend<T>(matched: number, item: T, sequence: readonly T[], borders: Int32Array): number {
  let length = matched;
  while (length > 0 && sequence[length] !== item) length = borders[length] as number;
  return sequence[length] === item ? length + 1 : 0;
}
