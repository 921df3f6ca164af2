import { cut, showOnLine } from "../progress/format.ts";

/** Texts that are longer are in the output file. */
const longestText = 300;

/** A value on a line, as much of it as a report shows. */
export function excerptOf(value: unknown): string {
  return cut(showOnLine(value), longestText);
}

/** An input on a line: its id where it has one, and the value of its only other entry where it has one. */
export function showInput(input: unknown): string {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return excerptOf(input);
  const { id, ...others } = input as Partial<Record<string, unknown>>;
  const isNamed = typeof id === "string" || typeof id === "number";
  const values = Object.values(isNamed ? others : input);
  const shown = values.length === 1 ? values[0] : isNamed ? others : input;
  return isNamed ? excerptOf(`${id}: ${showOnLine(shown)}`) : excerptOf(shown);
}

/** Frees a short entry from the texts it was cut from: a part of a text keeps the whole of it in memory. */
export function copyOf<T>(entry: T): T {
  return JSON.parse(JSON.stringify(entry)) as T;
}
