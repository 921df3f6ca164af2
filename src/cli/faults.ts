import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";

/** Error that the caller of the command has to fix or to know. Shown by its message alone, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, options?: { cause?: unknown; exitCode?: number | undefined }) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = options?.exitCode ?? exitCode.unusable;
  }
}

/** Exit codes of the command. The guide lists the same codes. */
export const exitCode = {
  /** Every input has its answer. */
  done: 0,
  /** Some inputs failed; the others have their answers. */
  someFailed: 1,
  /** The command line, a file or an input cannot be used. */
  unusable: 2,
  /** The ceiling of the job was reached before its last input. */
  budgetSpent: 3,
  /** A fault of the command itself. */
  internal: 70,
  /** Ctrl-C. */
  interrupted: 130,
  /** The reader of the output went away. */
  brokenPipe: 141,
  /** SIGTERM. */
  terminated: 143,
} as const;

/**
 * Says in plain words why the system refused a file, and what to do.
 *
 * @param doing what was tried: `"read"` or `"written"`
 * @param advice what else to say
 */
export function fileFault(path: string, error: unknown, doing: "read" | "written", advice = ""): CommandError {
  const reason = reasonOf(path, error as NodeJS.ErrnoException, doing);
  return new CommandError(`${path} cannot be ${doing}: ${reason}${advice && `. ${advice}`}`, { cause: error });
}

function reasonOf(path: string, error: NodeJS.ErrnoException, doing: "read" | "written"): string {
  if (error?.code === "ENOENT") return missingPart(path, doing);
  if (error?.code === "EISDIR") return "it is a folder (EISDIR). Name a file";
  if (error?.code === "EACCES" || error?.code === "EPERM") {
    const place = doing === "read" ? "it" : "it and its folder";
    return `this user has no permission (${error.code}). Give the right to ${doing === "read" ? "read" : "write"} ${place}`;
  }
  return messageOf(error);
}

/** Names what is not there, the file or its folder, and a file with nearly its name. */
function missingPart(path: string, doing: "read" | "written"): string {
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return `there is no folder ${folder} (ENOENT)${doing === "written" ? ". Make it first" : ""}`;
  const guess = doing === "read" ? nearest(basename(path), readdirSync(folder)) : undefined;
  return `there is no such file (ENOENT)${guess ? `. Did you mean ${join(folder, guess)}?` : ""}`;
}

/** Exit code for standard output that cannot be written. A reader that has enough (`| head`) is not a fault. */
export function codeOfOutput(error: NodeJS.ErrnoException): number {
  return error.code === "EPIPE" ? exitCode.brokenPipe : exitCode.unusable;
}

/** Reason why a text is not JSON, and the first wrong character. */
export interface JsonFault {
  readonly offset: number;
  readonly reason: string;
}

/**
 * Finds the first character at which a text stops being JSON.
 *
 * @param error what `JSON.parse` threw for it
 */
export function locateJsonFault(text: string, error: unknown): JsonFault {
  const message = messageOf(error);
  const position = / at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return { offset: Number(position), reason: message.replace(/ at position .*/, "") };
  if (message.startsWith("Unexpected end")) return { offset: text.length, reason: "the JSON ends too early" };
  return { offset: firstUnexpected(text), reason: message.replace(/, (\.\.\.)?".*/s, "") };
}

/**
 * The engine names an unexpected token without its position. A beginning of the text fails by ending too early until it
 * reaches that token, so the shortest one that fails by the token ends with it.
 */
function firstUnexpected(text: string): number {
  let [tooShort, longEnough] = [0, text.length];
  while (longEnough - tooShort > 1) {
    const middle = (tooShort + longEnough) >> 1;
    if (failsByToken(text.slice(0, middle))) longEnough = middle;
    else tooShort = middle;
  }
  return longEnough - 1;
}

function failsByToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return messageOf(error).startsWith("Unexpected token");
  }
}

/**
 * Reads a JSON text of a file.
 *
 * @param isInput true for what a model is asked about: an integer past 2^53 is its digits, as a text, and not another
 * integer
 * @param firstLine the line of the file on which the text begins, from 1
 * @param hint what else to say of a fault
 * @throws SourceFault with the line and the column of the fault
 */
export function parseJson(text: string, file: string, { firstLine = 1, hint = "", isInput = false } = {}): unknown {
  try {
    return isInput && longInteger.test(text) ? JSON.parse(text, withExactIntegers) : JSON.parse(text);
  } catch (error) {
    const { offset, reason } = locateJsonFault(text, error);
    const { line, column } = positionAt(text, offset);
    throw new SourceFault(file, { line: firstLine + line - 1, column }, reason + hint, lineOf(text, line));
  }
}

/** Shorter ones are exact. A reviver goes down into a value by the stack, and so not into the deepest ones. */
const longInteger = /\d{16}/;

/** A reviver of `JSON.parse`, which since Node 21 hears of each value as it was written. */
function withExactIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || !/^-?\d{16,}$/.test(source)) return value;
  return String(value) === source ? value : source;
}

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Characters of a long line that are shown around the fault. */
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

/** Line and column of an offset into a text. */
function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** The line of a text, counted from 1, without its end. */
export function lineOf(text: string, line: number): string {
  return text.split("\n", line).at(-1)?.replace(/\r$/, "") ?? "";
}
