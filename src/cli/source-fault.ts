import { CommandError } from "./command-error.ts";

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** How much of a long line is shown around the fault. */
const excerptLength = 90;

/** A fault in a file, shown with its name, line, column and the line itself. */
export class SourceFault extends CommandError {
  constructor(file: string, { line, column }: Position, fault: string, lineText?: string | undefined) {
    const excerpt = lineText === undefined ? "" : `\n${showLine(line, column, lineText)}`;
    super(`${file}:${line}:${column}: ${fault}${excerpt}`);
    this.name = "SourceFault";
  }
}

function showLine(line: number, column: number, text: string): string {
  const start = Math.max(0, Math.min(column - 1 - excerptLength / 2, text.length - excerptLength));
  const shown = text.slice(start, start + excerptLength).replace(/\p{Cc}/gu, " ");
  const gutter = ` ${line} | `;
  return `${gutter}${shown}\n${" ".repeat(gutter.length - 2)}| ${" ".repeat(Math.max(0, column - 1 - start))}^`;
}

/** Where an offset into a text stands. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** The line of a text, counted from 1, without its end. */
export function lineOf(text: string, line: number): string {
  return text.split("\n", line).at(-1)?.replace(/\r$/, "") ?? "";
}
