/** Bounds of a figure that a benchmark measures. */
export interface Target {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Prints a figure beside its target, on a line that docs/performance.md shows: `= what: 28.2x bare (target: at most 40; held)`. */
export function printTarget(what: string, measured: number, unit: string, target: Target): void {
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target;
  const bound = target.atMost === undefined ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
  const verdict = measured <= atMost && measured >= atLeast ? "held" : "missed";
  const shown = measured.toLocaleString("en", { maximumSignificantDigits: 3 });
  console.log(`= ${what}: ${shown} ${unit} (target: ${bound}; ${verdict})`);
}
