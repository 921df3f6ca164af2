import { type Random, seededRandom } from "../../src/core/random.ts";

/** Answers as they come from a model: objects of 20 leaves and about 2 KB. */
export interface Case {
  readonly name: string;
  /** Answers as JSON texts. */
  answers(count: number): string[];
}

const sections = ["applicant", "employment", "property", "assessment"];
/** 120 words, of which a text shares some with any other, as answers to one question do. */
const words = [
  "account",
  "balance",
  "clause",
  "delivery",
  "estate",
  "freight",
  "grant",
  "harbour",
  "invoice",
  "ledger",
].flatMap((stem) =>
  ["", "s", "ing", "ed", "less", "able", "ment", "ist", "ness", "ful", "er", "ish"].map((end) => stem + end),
);

/** A text of a length, made of words that `random` picks. */
function textOf(length: number, random: Random): string {
  let text = "";
  while (text.length < length) text += ` ${words[Math.floor(random.next() * words.length)]}`;
  return text.slice(1, length + 1).trim();
}

/** Sections of a code, an amount, a flag and two strings, each leaf as `leafOf` says. */
function answerOf(leafOf: (field: string) => unknown): string {
  const section = (name: string) => ({
    [`${name}_classification_code`]: leafOf(`${name} code`),
    [`${name}_reported_amount_in_euros`]: leafOf(`${name} amount`),
    [`${name}_was_verified_by_a_person`]: leafOf(`${name} flag`),
    [`${name}_reference_number_as_printed`]: leafOf(`${name} reference`),
    [`${name}_summary_of_what_was_stated`]: leafOf(`${name} statement`),
  });
  return JSON.stringify(Object.fromEntries(sections.map((name) => [name, section(name)])));
}

/** A string for a field and a choice, the same whenever it is asked for. */
function stringOf(field: string, choice: number, length: number): string {
  return textOf(
    length,
    seededRandom([...`${field}${choice}`].reduce((seed, letter) => 31 * seed + letter.charCodeAt(0), 7)),
  );
}

function leafOf(field: string, choice: number, length: number): unknown {
  if (field.endsWith("amount")) return 1_000 * choice + 250;
  if (field.endsWith("flag")) return choice % 2 === 0;
  return stringOf(field, choice, length);
}

/** The first of four values three times of four. */
function usualChoice(random: Random): number {
  return random.next() < 0.75 ? 0 : 1 + Math.floor(3 * random.next());
}

export const cases: readonly Case[] = [
  {
    name: "answers agree on 3 of 4 leaves",
    answers(count) {
      const random = seededRandom(1);
      return Array.from({ length: count }, () => answerOf((field) => leafOf(field, usualChoice(random), 64)));
    },
  },
  {
    name: "every string differs, compared exactly",
    answers: (count) => Array.from({ length: count }, (_, row) => answerOf((field) => leafOf(field, row, 64))),
  },
  {
    name: "one text of 120 characters differs everywhere, compared by likeness",
    answers: (count) => withTexts(count, "assessment statement"),
  },
  {
    name: "four texts of 120 characters differ everywhere, compared by likeness",
    answers: (count) => withTexts(count, "statement"),
  },
];

/** Answers that agree on 3 of 4 leaves, but for the fields whose names end so. */
function withTexts(count: number, ending: string): string[] {
  const random = seededRandom(1);
  return Array.from({ length: count }, (_, row) =>
    answerOf((field) =>
      field.endsWith(ending) ? textOf(120, seededRandom(row)) : leafOf(field, usualChoice(random), 64),
    ),
  );
}
