import { jsonrepair } from "jsonrepair";
import { cutOutJson } from "./cut-out-json.ts";

/** An answer larger than this is none. */
const largestBytes = 8 * 2 ** 20;
/** The time of mending can grow with the square of the length: 1.5 s for 120 KB that are made to be slow. */
const largestMendedCharacters = 2 ** 16;
const deepestLevel = 200;

/** JSON that was found in a text. */
export interface ExtractedJson {
  readonly value: unknown;
  /** What had to be done to the text, each as a phrase; empty where it was JSON. */
  readonly repairs: readonly string[];
}

/**
 * The JSON value in a model's answer: the answer itself, or cut out of a code fence or the prose around it, and mended where
 * it is broken (quotes, commas, brackets that were never closed). Keys such as `__proto__` stay plain keys.
 *
 * @throws SyntaxError where there is none, or it is larger than 8 MiB or deeper than 200 levels
 *
 * @example
 * ```ts
 * extractJson("Here you are: {severity: 'low'}");
 * // { value: { severity: "low" }, repairs: ["cut the JSON out of the text around it", "mended the JSON"] }
 * ```
 */
export function extractJson(text: string): ExtractedJson {
  const bytes = Buffer.byteLength(text);
  if (bytes > largestBytes) throw new SyntaxError(`the answer has ${bytes} bytes; at most ${largestBytes} are read`);
  const whole = parse(text);
  if (whole) return checked(whole.value, []);
  const { json, repairs } = cutOutJson(text);
  const cut = parse(json);
  if (cut) return checked(cut.value, repairs);
  const value = mend(json);
  const phrase = typeof value === "string" ? "took the text as a JSON string" : "mended the JSON";
  return checked(value, [...repairs, phrase]);
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function mend(text: string): unknown {
  if (text.length > largestMendedCharacters)
    throw new SyntaxError(
      `the answer is no JSON, and its ${text.length} characters are more than the ${largestMendedCharacters} that are mended`,
    );
  try {
    return JSON.parse(jsonrepair(text));
  } catch (error) {
    throw new SyntaxError(`the answer is no JSON and cannot be mended: ${(error as Error).message}`, { cause: error });
  }
}

/** What is nested deeper would overflow the stack of whoever walks over it. */
function checked(value: unknown, repairs: readonly string[]): ExtractedJson {
  let level = 0;
  for (
    let objects = [value].filter(isObject);
    objects.length > 0;
    objects = objects.flatMap((object) => Object.values(object)).filter(isObject)
  )
    if (++level > deepestLevel) throw new SyntaxError(`the answer is nested deeper than ${deepestLevel} levels`);
  return { value, repairs };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
