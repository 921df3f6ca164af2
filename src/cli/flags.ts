import { InvalidArgumentError } from "commander";

/** Reads a whole number of at least `minimum` from the command line. */
export function wholeNumberFlag(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`It has to be a whole number of at least ${minimum}.`);
  };
}

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads a duration with its unit, as milliseconds: `30m`, `1.5h`, `500ms`. */
export function durationFlag(): (text: string) => number {
  return (text) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
    const ms = Number(amount) * unitsMs[unit as keyof typeof unitsMs];
    if (Number.isFinite(ms)) return ms;
    throw new InvalidArgumentError("It has to be a number with its unit: ms, s, m, h or d, such as 30m.");
  };
}

/** Reads a share between 0 and 1, neither of which it may be. */
export function shareFlag(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1) return value;
  throw new InvalidArgumentError("It has to be a number between 0 and 1, such as 0.95.");
}

/** Reads a number in a range from the command line. */
export function numberFlag(minimum: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value >= minimum && value <= maximum) return value;
    const range = maximum === Number.POSITIVE_INFINITY ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InvalidArgumentError(`It has to be a number ${range}.`);
  };
}
