import { cut, showOnLine } from "../progress/format.ts";

/** Texts that are longer are in the output file. */
const longestText = 300;

/** A value on a line, as much of it as a report shows. */
export function excerptOf(value: unknown): string {
  return cut(showOnLine(value), longestText);
}

/** An input on a line: of an object its values, which say more in less room than JSON does; its id first. */
export function showInput(input: unknown): string {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return excerptOf(input);
  const { id, ...others } = input as Partial<Record<string, unknown>>;
  const values = Object.values(others).map(excerptOf);
  if (typeof id === "string" || typeof id === "number") return excerptOf([`${id}:`, values.join(" · ")].join(" "));
  return excerptOf(values.length === Object.keys(input).length ? values.join(" · ") : input);
}

/** Frees a short entry from the texts it was cut from: a part of a text keeps the whole of it in memory. */
export function copyOf<T>(entry: T): T {
  return JSON.parse(JSON.stringify(entry)) as T;
}
