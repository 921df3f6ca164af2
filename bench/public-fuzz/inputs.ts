import { textOf, shapes as unreadable } from "../extraction/shapes.ts";

/** Hostile input of one shape, of about any size. */
export interface Shape<Input> {
  readonly name: string;
  /** Set where work grows with the square up to a cap, so that only large sizes tell. */
  readonly isCapped?: boolean;
  make(bytes: number): Input;
}

const words = (piece: string) => ({ name: piece.trim(), piece });

/** Pieces that rules about language look at: numbers, units, dates, denials, names, marks, scripts. */
const spoken = [
  words("yes "),
  words("no, not never "),
  words("12,345.67 "),
  words("1.2.3."),
  words("1,"),
  words("-"),
  words("$5 "),
  words("10 kg 5 km "),
  words("May 3, 2024 "),
  words("2024-05-03T10:00:00Z "),
  words("10:30 am "),
  words("Paris, France and "),
  words("(a (b "),
  words("U.S.A. "),
  words("Dr. O'Neil's "),
  words("www.a.b/c?d=e#f "),
  words("http://a@"),
  words("a@b.c "),
  words("**b** _i_ `c` "),
  words("# h\n- i\n"),
  words("IV "),
  words("½ ² Ⅷ "),
  words("é"),
  { name: "combining characters", piece: "e\u0301\u0327" },
  { name: "marks alone", piece: "\u0301" },
  { name: "joined emoji", piece: "👩‍👩‍👧‍👦" },
  { name: "halves of surrogate pairs", piece: "\ud83d" },
  { name: "right to left", piece: "\u202eשלום " },
  { name: "ideographs", piece: "東京都" },
  { name: "Hangul parts", piece: "\u1100\u1161\u11a8" },
  { name: "control characters", piece: "\u0000\u001b[31m" },
  { name: "spaces without width", piece: "\u200b\u00a0" },
  { name: "one letter", piece: "a" },
  { name: "distinct words", piece: "w# " },
  { name: "distinct numbers", piece: "#," },
  { name: "template variables", piece: "{{a}}" },
  { name: "open template variables", piece: "{{" },
  { name: "secrets", piece: "sk-abcdefghijklmnopqrstu " },
  { name: "Bearer tokens", piece: "Bearer x.y.z " },
  { name: "percent signs", piece: "%41" },
  { name: "slashes", piece: "~1/" },
  { name: "retry after 1 s", piece: "retry after 1 s " },
  { name: "try again in", piece: "Please try again in 1m2" },
];

/** Texts: those that stop a parser, and those that stop rules about language. */
export const texts: readonly Shape<string>[] = [...spoken, ...unreadable].map((shape) => ({
  name: shape.name,
  make: (bytes) => textOf(shape, bytes).slice(0, bytes),
}));

/** Levels of a value: up to about as many as values may have. */
const levelsOf = (bytes: number) => Math.min(900, bytes / 64);

const many = (bytes: number, each: number) => Math.max(1, Math.floor(bytes / each));
const list = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index));
const object = (count: number, key: (index: number) => string, item: (index: number) => unknown) =>
  Object.fromEntries(list(count, (index) => [key(index), item(index)]));

function nested(levels: number, wrap: (inner: unknown) => unknown, inner: unknown = 1): unknown {
  let value = inner;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

const lists: readonly Shape<any>[] = [
  { name: "list of numbers", make: (bytes) => list(many(bytes, 6), (index) => index * 7) },
  { name: "list of one number", make: (bytes) => list(many(bytes, 2), () => 1) },
  { name: "list of distinct words", make: (bytes) => list(many(bytes, 9), (index) => `w${index}`) },
  { name: "list of long texts", make: (bytes) => list(many(bytes, 1_000), (index) => `${index} word`.repeat(140)) },
  { name: "list of objects", make: (bytes) => list(many(bytes, 24), (index) => ({ id: index, name: `n${index}` })) },
  { name: "list of equal objects", make: (bytes) => list(many(bytes, 16), () => ({ a: 1, b: "x" })) },
  { name: "list of lists", make: (bytes) => list(many(bytes, 12), (index) => [index, [index]]) },
  { name: "list of empty lists", make: (bytes) => list(many(bytes, 3), () => []) },
];

/** JSON values: deep, wide, long. Lists are put in line, which is capped. */
export const values: readonly Shape<any>[] = [
  ...lists.map((shape) => ({ ...shape, isCapped: true })),
  { name: "many keys", make: (bytes) => object(many(bytes, 12), (index) => `k${index}`, String) },
  { name: "many keys that are numbers", make: (bytes) => object(many(bytes, 10), String, (index) => index) },
  { name: "list of one item of many keys", make: (bytes) => [object(many(bytes, 12), (index) => `k${index}`, String)] },
  { name: "one long key", make: (bytes) => ({ ["k".repeat(bytes)]: 1 }) },
  { name: "key of slashes", make: (bytes) => ({ ["~/".repeat(bytes / 2)]: { a: [1] } }) },
  { name: "long keys", make: (bytes) => object(many(bytes, 1_000), (index) => `${index}`.padEnd(990, "k"), String) },
  {
    name: "deep objects",
    make: (bytes) => list(many(bytes, 5 * levelsOf(bytes)), () => nested(levelsOf(bytes), (inner) => ({ a: inner }))),
  },
  {
    name: "deep lists",
    isCapped: true,
    make: (bytes) => list(many(bytes, 2 * levelsOf(bytes)), () => nested(levelsOf(bytes), (inner) => [inner])),
  },
  {
    name: "deep and wide",
    isCapped: true,
    make: (bytes) =>
      nested(levelsOf(bytes), (inner) => ({ a: inner, b: list(many(bytes, 6 * levelsOf(bytes)), (index) => index) })),
  },
  { name: "one long text", make: (bytes) => ({ text: "word ".repeat(bytes / 5) }) },
  { name: "one text of combining characters", make: (bytes) => ({ text: "e\u0301\u0327".repeat(bytes / 5) }) },
  { name: "one text of distinct words", make: (bytes) => ({ text: list(many(bytes, 7), (at) => `w${at}`).join(" ") }) },
];

/** JSON schemas, as a caller or a fetched file may have them. */
export const schemas: readonly Shape<any>[] = [
  {
    name: "many properties",
    make: (bytes) => ({ type: "object", properties: object(many(bytes, 25), (at) => `k${at}`, typed("string")) }),
  },
  { name: "long enum", make: (bytes) => ({ enum: list(many(bytes, 9), (index) => `w${index}`) }) },
  {
    name: "deep properties",
    make: (bytes) =>
      nested(many(bytes, 3_000), (properties) => ({ type: "object", properties: { a: properties } }), {}),
  },
  { name: "deep items", make: (bytes) => nested(many(bytes, 2_500), (items) => ({ type: "array", items }), {}) },
  {
    name: "many alternatives",
    make: (bytes) => ({ anyOf: list(many(bytes, 60), (at) => ({ type: "object", properties: { [`k${at}`]: {} } })) }),
  },
  { name: "many parts of a whole", make: (bytes) => ({ allOf: list(many(bytes, 30), typed("object")) }) },
  {
    name: "many references",
    make: (bytes) => ({
      $defs: { a: { type: "string" } },
      type: "object",
      properties: object(
        many(bytes, 35),
        (index) => `k${index}`,
        () => ({ $ref: "#/$defs/a" }),
      ),
    }),
  },
  {
    name: "chain of references",
    make: (bytes) => {
      const count = many(bytes, 2_000);
      const next = (index: number) => (index === count - 1 ? { type: "string" } : { $ref: `#/$defs/d${index + 1}` });
      return { $defs: object(count, (index) => `d${index}`, next), $ref: "#/$defs/d0" };
    },
  },
  { name: "many required", make: (bytes) => ({ type: "object", required: list(many(bytes, 9), (at) => `k${at}`) }) },
  { name: "long pattern", make: (bytes) => ({ type: "string", pattern: "(a|b)*c?".repeat(bytes / 64) }) },
  { name: "long description", make: (bytes) => ({ type: "string", description: "word ".repeat(bytes / 5) }) },
  { name: "unknown words", make: (bytes) => object(many(bytes, 12), (index) => `x${index}`, String) },
];

function typed(type: string): () => unknown {
  return () => ({ type });
}

/** Numbers of things: listeners, tools, labels, candidates. One for each 16 bytes. */
export const counts: readonly Shape<number>[] = [{ name: "many", make: (bytes) => many(bytes, 16) }];
