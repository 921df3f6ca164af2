import type { InputReader } from "./input.ts";
import { readLines } from "./lines.ts";

/** One text a line; empty lines are skipped. A prompt tool takes it for the only variable of its prompt. */
export const readText: InputReader = async function* (chunks, name) {
  for await (const { text, number } of readLines(chunks, name)) {
    if (text.trim() !== "") yield { request: text, place: `${name}:${number}` };
  }
};
