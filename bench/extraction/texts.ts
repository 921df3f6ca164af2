import type { JSONSchema, JSONValue } from "../../src/core/json.ts";
import type { Random } from "../../src/core/random.ts";

/** A text that a model may write, with the value that it means. */
export interface WrittenText {
  readonly text: string;
  readonly value: JSONValue;
  readonly schema: JSONSchema;
  readonly finishReason: "stop" | "length";
  /** Steps that wrote and broke the text, for a report. */
  readonly recipe: string;
}

/** Writes a random text that gives a random value as its answer, in one of many forms, perhaps with one fault. */
export function writeText(random: Random): WrittenText {
  const { schema, make } = pick(random, kinds);
  const value = make(random);
  const style = pick(random, styles);
  const written = style.write(value, random);
  // Where the ends of strings are not marked, a sign more may be a part of one.
  const fault = pick(random, style.name === "raw quotes" ? faults.filter(({ isInside }) => !isInside) : faults);
  const json = fault.apply(written, random);
  const isCut = chance(random, 0.05);
  const frame = isCut ? (frames[0] as Frame) : pick(random, frames);
  const text = frame.around(json, () => JSON.stringify(make(random)), random);
  const cut = isCut ? text.slice(0, Math.floor(text.length * random.next())) : text;
  return {
    text: cut,
    value: isCut ? (parsed(cut) ?? value) : value,
    schema,
    finishReason: isCut ? "length" : "stop",
    recipe: [style.name, fault.name, frame.name].join(", "),
  };
}

/** A text that was cut where it was JSON says just that. */
function parsed(text: string): JSONValue | undefined {
  try {
    return JSON.parse(text) as JSONValue;
  } catch {
    return undefined;
  }
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random.next() * items.length)] as T;
}

function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

// ---- values and their schemas

const person: JSONSchema = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer" },
    tags: { type: "array", items: { type: "string" } },
    ok: { type: ["boolean", "null"] },
    parent: { $ref: "#/$defs/parent" },
  },
  required: ["name"],
  additionalProperties: false,
  $defs: {
    parent: { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name"] },
  },
};
const items: JSONSchema = {
  type: "array",
  items: { type: "object", properties: { n: { type: "string" }, q: { type: "number" } }, required: ["n"] },
};
const loose: JSONSchema = {
  type: "object",
  properties: { a: { type: "object" }, b: { type: "object" }, c: { type: "number" }, d: {} },
  additionalProperties: false,
};

const kinds: readonly { readonly schema: JSONSchema; readonly make: (random: Random) => JSONValue }[] = [
  { schema: person, make: makePerson },
  {
    schema: items,
    make: (random) => Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => makeItem(random)),
  },
  { schema: loose, make: makeLoose },
];

function makePerson(random: Random): JSONValue {
  const parent = { name: makeText(random), ...(chance(random, 0.5) && { age: makeInteger(random) }) };
  const members: [string, JSONValue][] = [["name", makeText(random)]];
  if (chance(random, 0.5)) members.push(["age", makeInteger(random)]);
  if (chance(random, 0.3))
    members.push(["tags", Array.from({ length: Math.floor(random.next() * 3) }, () => makeText(random))]);
  if (chance(random, 0.3)) members.push(["ok", pick(random, [true, false, null])]);
  if (chance(random, 0.5)) members.push(["parent", parent]);
  return Object.fromEntries(chance(random, 0.3) ? members.toReversed() : members);
}

function makeItem(random: Random): JSONValue {
  return { n: makeText(random), ...(chance(random, 0.7) && { q: makeNumber(random) }) };
}

function makeLoose(random: Random): JSONValue {
  const inner = () =>
    Object.fromEntries(["a", "b", "c"].filter(() => chance(random, 0.4)).map((key) => [key, makeNumber(random)]));
  const value: Record<string, JSONValue> = {};
  if (chance(random, 0.6)) value["a"] = chance(random, 0.3) ? { b: inner() } : inner();
  if (chance(random, 0.4)) value["b"] = inner();
  if (chance(random, 0.5)) value["c"] = makeNumber(random);
  if (chance(random, 0.3))
    value["d"] = pick<JSONValue>(random, [makeText(random), [1, makeNumber(random)], null, { e: [] }]);
  return value;
}

function makeInteger(random: Random): number {
  return Math.floor(random.next() * 200) - 20;
}

function makeNumber(random: Random): number {
  return pick(random, [makeInteger(random), Math.round(random.next() * 1e4) / 100, 1e21, 1.5e-7, 1_234_567, 0]);
}

const texts = [
  "Ann",
  "O'Brien",
  "the dogs' bowl",
  'he said "hi" to me',
  "a, b and c",
  "x: y",
  "{}",
  "[1]",
  "}",
  '{"name":"Eve"}',
  "<think>no</think>",
  "```\ncode\n```",
  "line\nline",
  "\\alpha + \\sigma",
  "C:\\dir\\sub",
  "a \\ b",
  "// no comment",
  "# one",
  "“quoted”",
  "it’s",
  "日本語",
  "😀",
  "answer: 7",
  "true",
  "",
  " ",
];

function makeText(random: Random): string {
  return chance(random, 0.2) ? `${pick(random, texts)}${pick(random, texts)}` : pick(random, texts);
}

// ---- ways of writing a value

interface Style {
  readonly name: string;
  write(value: JSONValue, random: Random): string;
}

interface Tokens {
  readonly key: (key: string) => string;
  readonly text: (text: string) => string;
  readonly literal: (value: boolean | null) => string;
  readonly last?: string;
  readonly space?: string;
}

function render(value: JSONValue, tokens: Tokens): string {
  const { last = "", space = " " } = tokens;
  if (typeof value === "string") return tokens.text(value);
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || value === null) return tokens.literal(value);
  if (Array.isArray(value))
    return value.length === 0 ? "[]" : `[${value.map((item) => render(item, tokens)).join(`,${space}`)}${last}]`;
  const members = Object.entries(value).map(
    ([key, item]) => `${tokens.key(key)}:${space}${render(item ?? null, tokens)}`,
  );
  return members.length === 0 ? "{}" : `{${members.join(`,${space}`)}${last}}`;
}

const json = (text: string) => JSON.stringify(text);
const plain: Tokens = { key: json, text: json, literal: String };
const python = (text: string) =>
  text.includes("'") && !text.includes('"')
    ? `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}"`
    : `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
const pythonLiteral = (value: boolean | null) => (value === null ? "None" : value ? "True" : "False");

const styles: readonly Style[] = [
  { name: "compact", write: (value) => JSON.stringify(value) },
  { name: "pretty", write: (value) => JSON.stringify(value, null, 2) },
  { name: "spaced", write: (value) => render(value, plain) },
  { name: "python", write: (value) => render(value, { key: python, text: python, literal: pythonLiteral }) },
  { name: "bare keys", write: (value) => render(value, { ...plain, key: String }) },
  { name: "trailing commas", write: (value) => render(value, { ...plain, last: "," }) },
  { name: "comments", write: (value) => render(value, { ...plain, space: " /* so */ " }) },
  { name: "line comments", write: (value) => render(value, { ...plain, space: " // so, {not}\n" }) },
  { name: "curly quotes", write: (value) => render(value, { ...plain, key: (key) => `“${key}”`, text: curly }) },
  {
    name: "raw line ends",
    write: (value) => render(value, { ...plain, text: (text) => json(text).replaceAll("\\n", "\n") }),
  },
  {
    name: "raw quotes",
    write: (value) =>
      render(value, {
        ...plain,
        text: (text) => (text.includes(" to me") ? json(text).replaceAll('\\"', '"') : json(text)),
      }),
  },
  {
    name: "apostrophes in single quotes",
    write: (value) =>
      render(value, { ...plain, text: (text) => (/^[\w ]*(?:'\w[\w ]*)?$/.test(text) ? `'${text}'` : json(text)) }),
  },
  {
    name: "single backslashes",
    write: (value) => render(value, { ...plain, text: (text) => json(text).replaceAll("\\\\", "\\") }),
  },
];

function curly(text: string): string {
  return /["“”]/.test(text) ? json(text) : `“${json(text).slice(1, -1)}”`;
}

// ---- faults

interface Fault {
  readonly name: string;
  readonly isInside?: boolean;
  apply(json: string, random: Random): string;
}

const faults: readonly Fault[] = [
  { name: "whole", apply: (text) => text },
  { name: "without its last bracket", apply: (text) => text.slice(0, -1) },
  { name: "without its first bracket", apply: (text) => text.slice(1) },
  { name: "with a bracket more", apply: (text, random) => text + pick(random, ["}", "]", "}}"]) },
  { name: "without a sign", isInside: true, apply: (text, random) => withoutSign(text, random) },
  { name: "with a sign more", isInside: true, apply: (text, random) => withSign(text, random) },
];

interface Sign {
  readonly at: number;
  readonly isOpening: boolean;
  readonly isClosing: boolean;
}

const closing: Readonly<Record<string, string>> = { '"': '"', "'": "'", "“": "”" };

/** Places of the signs of JSON outside of its strings and comments, and of the quotes themselves. */
function signsOf(text: string): Sign[] {
  const signs: Sign[] = [];
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote) {
      if (character === "\\") at++;
      else if (character === quote && !/[\w]/.test(text[at + 1] ?? "")) {
        quote = "";
        signs.push({ at, isOpening: false, isClosing: true });
      }
    } else if (text.startsWith("// so, {not}", at)) at += 11;
    else if (text.startsWith("/* so */", at)) at += 7;
    else if ("{}[],:\"'“".includes(character)) {
      quote = closing[character] ?? "";
      signs.push({ at, isOpening: quote !== "", isClosing: false });
    }
  }
  return signs;
}

/** Between digits a comma is a part of what is said. */
function withoutSign(text: string, random: Random): string {
  const signs = signsOf(text).filter(
    ({ at }) => text[at] !== "," || !/\d\s*,\s*[\d-]/.test(text.slice(at - 1, at + 3)),
  );
  if (signs.length === 0) return text;
  const { at } = pick(random, signs);
  return text.slice(0, at) + text.slice(at + 1);
}

/** Adds a sign beside another one, never inside a string. */
function withSign(text: string, random: Random): string {
  const signs = signsOf(text);
  if (signs.length === 0) return text;
  const { at, isOpening, isClosing } = pick(random, signs);
  const place = isClosing || (!isOpening && chance(random, 0.5)) ? at + 1 : at;
  return text.slice(0, place) + pick(random, ["{", "}", "[", "]", ",", ":", '"', "'"]) + text.slice(place);
}

// ---- what stands around the value

interface Frame {
  readonly name: string;
  /** @param other writes another value that fits */
  around(json: string, other: () => string, random: Random): string;
}

const prose = [
  "Sure, here it is.",
  "It's simple: see [1] and {x}.",
  "I looked at “all” of it (twice).",
  "Let f(x) = [0, 1).",
  "That's all!",
];

const frames: readonly Frame[] = [
  { name: "alone", around: (text) => text },
  { name: "in a fence", around: (text) => `\`\`\`json\n${text}\n\`\`\`` },
  { name: "in an open fence", around: (text) => `\`\`\`json\n${text}` },
  { name: "after prose", around: (text, _, random) => `${pick(random, prose)}\n\n${text}` },
  { name: "before prose", around: (text, _, random) => `${text}\n\n${pick(random, prose)}` },
  {
    name: "within prose",
    around: (text, _, random) => `${pick(random, prose)} It is ${text} as I said. ${pick(random, prose)}`,
  },
  {
    name: "marked",
    around: (text, _, random) => `${pick(random, prose)}\nFinal answer: ${text}\n${pick(random, prose)}`,
  },
  { name: "after a draft", around: (text, other) => `Draft: ${other()}\n\nFinal answer:\n${text}` },
  {
    name: "after another",
    around: (text, other) => `${other()}\n\nOn second thought, something is missing there.\n\n${text}`,
  },
  {
    name: "before an example",
    around: (text, other) => `The answer: ${text}\n\nFor example, another would be ${other()}.`,
  },
  { name: "after thoughts", around: (text, other) => `<think>Perhaps ${other()}? No.</think>\n${text}` },
  {
    name: "after thoughts that were opened before",
    around: (text, other) => `Perhaps ${other()}? No.\n</think>\n\n${text}`,
  },
  { name: "in thoughts that never end", around: (text, other) => `<think>Perhaps ${text}, or ${other()}` },
  {
    name: "after gpt-oss thoughts",
    around: (text, other) =>
      `<|channel|>analysis<|message|>Perhaps ${other()}<|end|><|start|>assistant<|channel|>final<|message|>${text}`,
  },
  { name: "wrapped", around: (text) => `{"answer": ${text}}` },
];
