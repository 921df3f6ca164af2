import { CommandError } from "../command-error.ts";
import { readJsonLines } from "../input/json-lines.ts";
import { readBytes } from "../input/read-bytes.ts";

/** What somebody says of an answer: whether it is right, or what would be. */
export type Label = { readonly correct: boolean } | { readonly expected: unknown };

/** Labels by the id of the answer. */
export type Labels = ReadonlyMap<string, Label>;

/** What the command line says of labels. */
export interface LabelFlags {
  readonly correct?: readonly string[];
  readonly wrong?: readonly string[];
  /** A file. */
  readonly labels?: string;
}

/**
 * All labels that were given.
 *
 * @throws CommandError where there are none, an id has two, or a line of the file is none
 */
export async function collectLabels({ correct = [], wrong = [], labels: file }: LabelFlags): Promise<Labels> {
  const labels = new Map<string, Label>();
  const add = (id: string, label: Label, place: string) => {
    if (labels.has(id))
      throw new CommandError(`${place}: "${id}" has a label already. Give one label for each answer.`);
    labels.set(id, label);
  };
  for (const id of correct) add(id, { correct: true }, "--correct");
  for (const id of wrong) add(id, { correct: false }, "--wrong");
  if (file !== undefined) {
    for await (const { request, place } of readJsonLines(readBytes(file), file)) add(...labelIn(request, place), place);
  }
  if (labels.size > 0) return labels;
  throw new CommandError("There is no label: give --correct, --wrong or --labels.");
}

function labelIn(value: unknown, place: string): [id: string, label: Label] {
  const { id, correct, expected } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof id !== "string" && typeof id !== "number") throw noLabel(place, 'an "id", a text or a number');
  if ((correct === undefined) === (expected === undefined)) throw noLabel(place, 'either "correct" or "expected"');
  if (expected !== undefined) return [String(id), { expected }];
  if (typeof correct !== "boolean") throw noLabel(place, '"correct" to be true or false');
  return [String(id), { correct }];
}

function noLabel(place: string, needed: string): CommandError {
  return new CommandError(`${place}: this line is no label: it needs ${needed}.`);
}
