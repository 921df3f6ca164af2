import type { StoppingRow } from "./stopping-rows.ts";

/** Stops after this many answers that all say the same. */
const windowSize = 5;
const confidentEnough = 0.95;

/** The two known rules, as their papers have them. They know whole answers, no fields. */
export const peers: readonly StoppingRow[] = [
  {
    name: "Adaptive-Consistency .95",
    start() {
      const votes = new Map<string, number>();
      return ({ key, valid }) => {
        if (valid) votes.set(key, (votes.get(key) ?? 0) + 1);
        const [first = 0, second = 0] = [...votes.values()].sort((a, b) => b - a);
        return leadPosterior(first, second) >= confidentEnough;
      };
    },
  },
  {
    name: "ESC, window of 5",
    start() {
      let window: string[] = [];
      return ({ key, valid }) => {
        window.push(valid ? key : "");
        if (window.length < windowSize) return false;
        const unanimous = window.every((each) => each !== "" && each === window[0]);
        window = [];
        return unanimous;
      };
    },
  },
  { name: "single", start: () => () => true },
];

/** `1 - I_0.5(first + 1, second + 1)`: the probability, from a uniform prior, that the first answer is ahead in truth. */
export function leadPosterior(first: number, second: number): number {
  const draws = first + second + 1;
  let [term, atMost] = [0.5 ** draws, 0];
  for (let ahead = 0; ahead <= first; ahead++) {
    atMost += term;
    term *= (draws - ahead) / (ahead + 1);
  }
  return atMost;
}
