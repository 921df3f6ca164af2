import { parseJson } from "../parse-json.ts";
import type { InputReader } from "./input.ts";
import { readLines } from "./lines.ts";

const cutOff = ". The last line is not complete: was the file still being written?";

/** One JSON value a line; empty lines are skipped. */
export const readJsonLines: InputReader = async function* (chunks, name) {
  for await (const { number, text, isEnded } of readLines(chunks, name)) {
    if (text.trim() === "") continue;
    const request = parseJson(text, name, { firstLine: number, hint: isEnded ? "" : cutOff });
    yield { request, place: `${name}:${number}` };
  }
};
