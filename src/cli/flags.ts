import { InvalidArgumentError } from "commander";

/** Reads a whole number of at least `minimum` from the command line. */
export function wholeNumberFlag(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`It has to be a whole number of at least ${minimum}.`);
  };
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
