/** The longest pattern that fits the bits of a number. */
export const longestPattern = 32;

/**
 * Counts the edits (insert, delete, replace a UTF-16 unit) between one text and others, 32 cells of the table at a time
 * (Myers 1999, in the form of Hyyrö 2003).
 *
 * @param pattern 1 to 32 units
 */
export function levenshteinFrom(pattern: string): (text: string) => number {
  const positions = new Map<number, number>();
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern.charCodeAt(at);
    positions.set(unit, (positions.get(unit) ?? 0) | (1 << at));
  }
  const lastCell = 1 << (pattern.length - 1);
  return (text) => {
    let [rises, falls, distance] = [-1, 0, pattern.length];
    for (let at = 0; at < text.length; at++) {
      const equal = positions.get(text.charCodeAt(at)) ?? 0;
      const diagonal = (((equal & rises) + rises) ^ rises) | equal;
      let risesAcross = falls | ~(diagonal | rises);
      let fallsAcross = rises & diagonal;
      if (risesAcross & lastCell) distance++;
      else if (fallsAcross & lastCell) distance--;
      risesAcross = (risesAcross << 1) | 1;
      fallsAcross <<= 1;
      const kept = equal | falls;
      rises = fallsAcross | ~(kept | risesAcross);
      falls = risesAcross & kept;
    }
    return distance;
  };
}
