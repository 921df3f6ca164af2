import { CommandError } from "../command-error.ts";
import type { Line } from "../input/lines.ts";
import { counted, showShare } from "../progress/format.ts";

/** A JSON text, and where it begins. */
export interface ChosenDocument {
  readonly text: string;
  readonly firstLine: number;
  /** Whether the file holds one JSON value a line. */
  readonly isOneOfMany: boolean;
}

/**
 * The JSON text in a file that holds one document, or one a line.
 *
 * @param wanted the line, from 1, of a file with more than one
 * @throws CommandError where the line is not there, or is not named and there are several
 */
export async function chooseDocument(
  lines: AsyncIterable<Line>,
  name: string,
  wanted: number | undefined,
): Promise<ChosenDocument> {
  return wanted === undefined ? onlyDocument(lines, name) : documentOnLine(lines, name, wanted);
}

async function documentOnLine(lines: AsyncIterable<Line>, name: string, wanted: number): Promise<ChosenDocument> {
  let last = 0;
  for await (const { number, text } of lines) {
    if (number === wanted && text.trim() !== "") return { text, firstLine: number, isOneOfMany: true };
    last = number;
  }
  throw new CommandError(`${name} has no answer on line ${wanted}: it has ${counted(last, "line")}.`);
}

async function onlyDocument(lines: AsyncIterable<Line>, name: string): Promise<ChosenDocument> {
  const document: string[] = [];
  let survey: LineSurvey | undefined;
  for await (const { number, text } of lines) {
    if (survey) survey.add(number, text);
    else if (document.every((line) => line.trim() === "") && parsed(text)) survey = new LineSurvey(number, text);
    else document.push(text);
  }
  if (survey) return survey.only(name);
  return { text: document.join("\n"), firstLine: 1, isOneOfMany: false };
}

/** A file of one value a line, of which only the first one is held: it may be of any size. */
class LineSurvey {
  readonly #first: ChosenDocument;
  #answers = 0;
  #leastSure = { line: 0, confidence: Number.POSITIVE_INFINITY };

  constructor(number: number, text: string) {
    this.#first = { text, firstLine: number, isOneOfMany: false };
    this.add(number, text);
  }

  add(line: number, text: string): void {
    if (text.trim() === "") return;
    this.#answers++;
    const confidence = parsed(text)?.confidence;
    if (typeof confidence === "number" && confidence < this.#leastSure.confidence)
      this.#leastSure = { line, confidence };
  }

  only(name: string): ChosenDocument {
    if (this.#answers === 1) return this.#first;
    const { line, confidence } = this.#leastSure;
    const leastSure = line === 0 ? "" : ` The least sure is --line ${line} (confidence ${showShare(confidence)}).`;
    throw new CommandError(`${name} holds ${counted(this.#answers, "answer")}: choose one with --line.${leastSure}`);
  }
}

function parsed(text: string): { confidence?: unknown } | undefined {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
}
