/** A text as it is compared: compatibility forms, case, punctuation, articles and spaces do not count. */
export function normalizeText(s: string): string {
  return s
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, " ")
    .replace(/\b(a|an|the)\b/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** How alike two texts are, in [0, 1]. */
export function textSimilarity(a: string, b: string): number {
  return normalizeText(a) === normalizeText(b) ? 1 : 0;
}

/** Texts in clusters of alike ones, as indices, largest first. */
export function clusterTexts(
  texts: readonly string[],
  similarity: (a: string, b: string) => number = textSimilarity,
): { clusters: number[][]; medoid: number; score: number } {
  const clusters: number[][] = [];
  texts.forEach((text, index) => {
    const home = clusters.find(([first]) => similarity(text, texts[first as number] as string) >= 0.5);
    if (home) home.push(index);
    else clusters.push([index]);
  });
  clusters.sort((a, b) => b.length - a.length || (a[0] as number) - (b[0] as number));
  const [largest = []] = clusters;
  return { clusters, medoid: largest[0] ?? -1, score: texts.length > 0 ? (largest.length / texts.length + 1) / 2 : 0 };
}
