/** From here on two texts are one answer, misspelt. */
const misspelt = 0.85;

/**
 * Whether a free text gives the reference answer: its words contain the other's, or it is nearly the same to the letter.
 * Written apart from what it judges; numbers and negations have no part in it.
 */
export function isSameAnswer(text: string, reference: string): boolean {
  const [a, b] = [plainWords(text), plainWords(reference)];
  if (a === "" || b === "") return false;
  const contains = ` ${a} `.includes(` ${b} `) || ` ${b} `.includes(` ${a} `);
  return contains || 1 - edits(a, b) / Math.max(a.length, b.length) >= misspelt;
}

function plainWords(text: string): string {
  const words =
    text
      .normalize("NFKC")
      .toLowerCase()
      .replace(/['’]/g, "")
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => !["a", "an", "the"].includes(word)).join(" ");
}

/** Levenshtein distance, row by row. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] as number;
}
