import { parseJson } from "../parse-json.ts";
import type { InputReader } from "./input.ts";
import { decodeText } from "./lines.ts";

/** One JSON document, read whole: each item of an array is an input, anything else is the only one. */
export const readJsonDocument: InputReader = async function* (chunks, name) {
  let text = "";
  for await (const part of decodeText(chunks, name)) text += part;
  const document = parseJson(text, name);
  if (!Array.isArray(document)) yield { request: document, place: name };
  else for (const [index, request] of document.entries()) yield { request, place: `${name}[${index}]` };
};
