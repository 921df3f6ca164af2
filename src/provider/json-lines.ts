import { InvalidOptionsError } from "../core/errors.ts";

/** A value of a JSONL text, and where it stands. */
export interface JsonLine {
  /** From 1. */
  readonly line: number;
  readonly value: unknown;
}

/**
 * The values of a text with one JSON value a line. Empty lines are passed over.
 *
 * @param file the name of the text, for the error
 * @throws InvalidOptionsError naming file, line and column of the first line that is no JSON, half-written ones included
 */
export function parseJsonLines(text: string, file: string): JsonLine[] {
  const values: JsonLine[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    values.push({ line: index + 1, value: parseLine(line, `${file}:${index + 1}`) });
  }
  return values;
}

function parseLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1];
    const column = (position === undefined ? line.trimEnd().length : Number(position)) + 1;
    throw brokenLine(`${place}:${column}`, line.slice(Math.max(0, column - 20), column + 20));
  }
}

function brokenLine(place: string, given: string): InvalidOptionsError {
  return new InvalidOptionsError([
    {
      path: place,
      given,
      allowed: "one whole JSON value a line; mend the line, or delete it if it was left half-written",
    },
  ]);
}
