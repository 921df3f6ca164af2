/** A text that is hostile to a reader of JSON, made of pieces up to a length. */
export interface Shape {
  readonly name: string;
  readonly head?: string;
  readonly piece: string;
  readonly tail?: string;
}

/** Shapes that stopped a parser, or were made to: nesting, quotes, fences, escapes, marks, numbers. */
export const shapes: readonly Shape[] = [
  { name: "JSON: list of numbers", head: "[", piece: "1,", tail: "1]" },
  { name: "JSON: list of objects", head: "[", piece: '{"a":1,"b":"x"},', tail: "{}]" },
  { name: "JSON: one long string", head: '{"a":"', piece: "x", tail: '"}' },
  { name: "JSON: escapes", head: '{"a":"', piece: "\\n\\u0041", tail: '"}' },
  { name: "JSON: distinct keys", head: "{", piece: '"k#":1,', tail: '"z":1}' },
  { name: "JSON: one key many times", head: "{", piece: '"a":1,', tail: '"a":1}' },
  { name: "JSON: long numbers", head: "[", piece: "12345678901234567890,", tail: "1]" },
  { name: "one number", piece: "1" },
  { name: "a number with zeros", head: '{"a":1', piece: "0", tail: "1e-1048570}" },
  { name: "opening brackets", piece: "[" },
  { name: "opening braces", piece: "{" },
  { name: "brackets and spaces", piece: "[ " },
  { name: "keys that nest", piece: '{"a":' },
  { name: "lists in keys", piece: '[{"a":' },
  { name: "brace and quote", piece: '{"' },
  { name: "bracket and quote", piece: '["' },
  { name: "bracket and address", piece: '["http://a"' },
  { name: "quoted words in a list", head: "[", piece: 'a "b" ' },
  { name: "curly quotes that never end", piece: "{“" },
  { name: "strings that never end", piece: '{"a":"x\n' },
  { name: "quotes inside a string", head: '{"a": "', piece: 'x "y" ', tail: '"}' },
  { name: "apostrophes", head: "{'a': '", piece: "o'b ", tail: "'}" },
  { name: "backslashes", head: '{"a":"', piece: "\\", tail: '"}' },
  { name: "backslashes and quotes", head: '{"a":"', piece: '\\"', tail: '"}' },
  { name: "escapes of no kind", head: '{"a":"', piece: "\\q", tail: '"}' },
  { name: "small objects", piece: "{}" },
  { name: "lines of numbers", piece: "1\n" },
  { name: "objects that fit, apart", piece: '{"a":1}\n\n' },
  { name: "broken objects", piece: '{"a":x y}' },
  { name: "comments that never end", piece: '{"a":1/*' },
  { name: "trailing commas", head: "[", piece: "[1,],", tail: "]" },
  { name: "fences", piece: "```\n" },
  { name: "fences and braces", piece: "```json\n{" },
  { name: "opening thoughts", piece: "<think>" },
  { name: "closing thoughts", piece: "</think>" },
  { name: "thoughts inside lines", piece: "a <think> b " },
  { name: "thoughts in broken JSON", piece: '{"a": <think>x</think>' },
  { name: "angle brackets", piece: "<" },
  { name: "channels", piece: "<|channel|>analysis<|message|>" },
  { name: "labels", piece: "answer: " },
  { name: "spaces", head: "{", piece: " ", tail: '"a":1}' },
  { name: "line ends", head: "x", piece: "\n", tail: "{" },
  { name: "accents", piece: "a\u0301\u0302" },
  { name: "full stops", piece: ". " },
  { name: "links", piece: "[1](a)" },
  { name: "brackets that hold words", piece: "[a]" },
  { name: "words in braces", piece: "{a} " },
  { name: "a list of words, cut", head: '{"a":[', piece: '"x",' },
  { name: "distinct keys without their bracket", head: '{"a":{"y":1,', piece: '"k#":1,', tail: '"z":1}\n' },
  { name: "distinct keys after prose", head: "So: {", piece: '"k#":1,', tail: '"a":1}' },
  { name: "distinct keys in single quotes", head: "{", piece: "'k#':1,", tail: "'a':1}" },
  { name: "long values, apart", piece: '{"a":[1,2,3,4,5,6,7,8,9]}\n\n' },
  { name: "apostrophes in brackets", piece: "['a'b" },
  { name: "commas after quotes", head: "{'a': '", piece: "x', y", tail: "'}" },
  { name: "comments", head: "{", piece: "/**/", tail: '"a":1}' },
  { name: "reflections", piece: "<analysis>x</analysis>" },
];

/** The text of a shape with about so many bytes. A # in a piece is its number. */
export function textOf({ head = "", piece, tail = "" }: Shape, bytes: number): string {
  const count = Math.ceil(bytes / Buffer.byteLength(piece));
  if (!piece.includes("#")) return head + piece.repeat(count) + tail;
  return head + Array.from({ length: count }, (_, index) => piece.replace("#", String(index))).join("") + tail;
}
