import { CommandError, parseJson } from "../faults.ts";
import { decodeText } from "./decode-text.ts";
import { markupKindOf } from "./file-kind.ts";
import { type InputReader, readLines } from "./input.ts";

/** Reads one JSON document, whole: each item of an array is an input, anything else is the only one. */
export const readJsonDocument: InputReader = async function* (chunks, name) {
  let text = "";
  for await (const part of decodeText(chunks, name)) text += part;
  assertNoMarkup(text, name);
  if (text.trim() === "") throw new CommandError(`${name} is empty. For no inputs at all it would be [].`);
  const document = parseJson(text, name, { isInput: true, hint: linesHint(text) });
  if (!Array.isArray(document)) yield { request: document, place: name };
  else for (const [index, request] of document.entries()) yield { request, place: `${name}[${index}]` };
};

/** Reads one JSON value a line; empty lines are skipped. */
export const readJsonLines: InputReader = async function* (chunks, name) {
  for await (const { number, text, isEnded } of readLines(chunks, name)) {
    if (text.trim() === "") continue;
    if (number === 1) assertNoMarkup(text, name);
    const hint = isEnded ? lineHint(text) : cutOff;
    yield { request: parseJson(text, name, { firstLine: number, hint, isInput: true }), place: `${name}:${number}` };
  }
};

/** Advice for a line that cannot be read. */
function lineHint(line: string): string {
  if (/[\]}]\s*,\s*$/.test(line)) return ". Lines of JSON end without a comma";
  return documentHint(line);
}

const cutOff = ". The last line is not complete: was the file still being written?";

/** Advice for a file of several documents. */
function linesHint(text: string): string {
  const [first = "", second = ""] = text.split("\n", 2);
  if (/^\s*\{.*\}\s*$/.test(first) && second.trim().startsWith("{"))
    return ". Each line seems to be JSON by itself: give --format jsonl";
  return /^\}\s*\{/m.test(text) ? ". Several values in one file are JSON lines: jq -c . writes them, one a line" : "";
}

/** Advice for a line that opens a document, and does not close it. */
function documentHint(line: string): string {
  return /^\s*[[{]\s*$/.test(line)
    ? ". One JSON document over several lines is --format json; jq -c writes one value a line"
    : "";
}

function assertNoMarkup(text: string, name: string): void {
  const markup = markupKindOf(text);
  if (markup) throw new CommandError(`${name} holds ${markup.name}, not JSON. ${markup.advice}.`);
}

/** Reads one text a line; empty lines are skipped. A prompt tool takes it for the only variable of its prompt. */
export const readText: InputReader = async function* (chunks, name) {
  for await (const { text, number } of readLines(chunks, name)) {
    if (text.includes("\0"))
      throw new CommandError(`${name}:${number}: a NUL character, which no text holds. Is the file binary?`);
    if (text.trim() !== "") yield { request: text, place: `${name}:${number}` };
  }
};
