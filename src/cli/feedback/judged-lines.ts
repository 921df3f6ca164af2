import type { JudgedBundle } from "../../calibration/calibration-key.ts";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import { pairwiseDistance } from "../../evidence/distance.ts";
import { sameAnswer } from "../../evidence/same-answer.ts";
import { CommandError } from "../faults.ts";
import { readJsonLines } from "../input/formats.ts";
import { readBytes } from "../input/input.ts";
import type { OutputLine } from "../output/output-line.ts";
import { bundleFault } from "../view/open-bundle.ts";
import { withoutCountry } from "./countries.ts";

/** The answers of an output file that have labels. */
export interface JudgedLines {
  readonly judged: readonly JudgedBundle[];
  /** Ids of answers that have a label and nothing to judge: their runs failed, or none of their replicates is valid. */
  readonly withoutAnswer: readonly string[];
}

/**
 * Finds the answers that labels are about.
 *
 * @throws CommandError for a line that is not an answer, and for an id that names none or more than one
 */
export async function judgeLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  labels: Labels,
): Promise<JudgedLines> {
  const judged: JudgedBundle[] = [];
  const withoutAnswer: string[] = [];
  const found = new Map<string, string>();
  for await (const { request, place } of readJsonLines(chunks, name)) {
    const line = request as OutputLine;
    const id = idOf(line, place);
    const label = labels.get(id);
    if (!label) continue;
    const earlier = found.get(id);
    if (earlier)
      throw new CommandError(`${place}: "${id}" stands on ${earlier} too, so that no label can tell them apart.`);
    found.set(id, place);
    const bundle = answerIn(line, place);
    if (bundle) judged.push({ id: line.fingerprint, bundle, correct: isCorrect(bundle, label, id) });
    else withoutAnswer.push(id);
  }
  const missing = [...labels.keys()].filter((id) => !found.has(id));
  if (missing.length > 0) throw notFound(missing, name);
  return { judged, withoutAnswer };
}

/**
 * Returns the id of an answer for people: that of its input, else its index.
 *
 * @throws CommandError for a line that is not an answer
 */
export function idOf(line: Partial<OutputLine> | null, place: string): string {
  if (typeof line?.index !== "number" || typeof line.fingerprint !== "string") {
    throw new CommandError(`${place}: this line is not an answer of steer run. Give the file of its --output.`);
  }
  const { id } = (line.input ?? {}) as { id?: unknown };
  return String(typeof id === "string" || typeof id === "number" ? id : line.index);
}

/**
 * Returns the bundle of an answer; `undefined` where the run failed, or no replicate is valid.
 *
 * @throws CommandError for a bundle that is not whole
 */
export function answerIn(line: OutputLine, place: string): EvidenceBundle | undefined {
  const content = "output" in line ? (line.output?.content as { evidenceBundle?: unknown } | null | undefined) : null;
  if (content?.evidenceBundle === undefined) return undefined;
  const fault = bundleFault(content.evidenceBundle);
  if (fault !== undefined) throw new CommandError(`${place} holds no whole evidence bundle: ${fault}.`);
  const bundle = content.evidenceBundle as EvidenceBundle;
  return bundle.summary.validCount > 0 ? bundle : undefined;
}

/**
 * Compares the fields that the label gives as replicates are compared by default: strings by `sameAnswer`, numbers by value.
 * A country behind the place that the label names adds nothing.
 *
 * @throws CommandError for a field that no answer has, and for a value of another kind than theirs
 */
function isCorrect({ summary: { consensus }, replicates }: EvidenceBundle, label: Label, id: string): boolean {
  if ("correct" in label) return label.correct;
  const answers = [consensus, ...replicates.flatMap(({ valid, data }) => (valid ? [data] : []))];
  const fault = expectedFault(label.expected, answers, "expected");
  if (fault !== undefined) throw new CommandError(`${label.place}: the label of "${id}" cannot be compared: ${fault}`);
  return pairwiseDistance([partAsked(label.expected, consensus), label.expected])[0]?.[1] === 0;
}

/** Returns why a value cannot be compared with the answers; answers beside the consensus tell of optional fields. */
function expectedFault(expected: unknown, answers: readonly unknown[], path: string): string | undefined {
  const kinds = [...new Set(answers.map(kindOf).filter((kind) => kind !== "null"))];
  const kind = kindOf(expected);
  if (kind === "null" || kinds.length === 0) return undefined;
  if (!kinds.includes(kind))
    return `${path} is ${article(kind)}, and the answers have ${kinds.map(article).join(" or ")} there. Give one of that kind, or "correct": false.`;
  if (!isFields(expected)) return undefined;
  const objects = answers.filter(isFields);
  const known = [...new Set(objects.flatMap((answer) => Object.keys(answer)))];
  const unknown = Object.keys(expected).filter((field) => !known.includes(field));
  if (unknown.length > 0) {
    const where = path === "expected" ? "" : ` in ${path}`;
    return `the answers have no field ${unknown.map((field) => `"${field}"`).join(", ")}${where}. Their fields are ${known.join(", ")}.`;
  }
  for (const [field, value] of Object.entries(expected)) {
    const there = objects.flatMap((answer) => (Object.hasOwn(answer, field) ? [answer[field]] : []));
    const fault = expectedFault(value, there, `${path}.${field}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Returns the part of an answer that the label asks for: the fields of `expected`, inner ones included, and a place alone. */
function partAsked(expected: unknown, answer: unknown): unknown {
  if (typeof expected === "string" && typeof answer === "string") {
    const place = withoutCountry(answer);
    return place !== undefined && sameAnswer(place, expected) ? place : answer;
  }
  if (!isFields(expected) || !isFields(answer)) return answer;
  const fields = Object.keys(expected).filter((field) => Object.hasOwn(answer, field));
  return Object.fromEntries(fields.map((field) => [field, partAsked(expected[field], answer[field])]));
}

function isFields(value: unknown): value is Record<string, unknown> {
  return kindOf(value) === "object";
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : typeof value;
}

function article(kind: string): string {
  return kind === "object" ? "an object" : kind === "boolean" ? "true or false" : `a ${kind}`;
}

function notFound(missing: readonly string[], name: string): CommandError {
  const [first] = missing;
  const others = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
  return new CommandError(
    `${name} has no answer with the id "${first}"${others}. An id is the "id" of the input where that has one, else the "index" of the line.`,
  );
}

/** Judgement of an answer: right, wrong, or the right value. */
export type Label = { readonly correct: boolean } | ExpectedLabel;

interface ExpectedLabel {
  /** The right value, or some of its fields. */
  readonly expected: unknown;
  /** Line that gives it. */
  readonly place: string;
}

/** Labels by the id of the answer. */
export type Labels = ReadonlyMap<string, Label>;

/** Flags that give labels. */
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
  throw new CommandError("No label was given. Add --correct, --wrong or --labels.");
}

function labelIn(value: unknown, place: string): [id: string, label: Label] {
  const { id, correct, expected } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof id !== "string" && typeof id !== "number") throw noLabel(place, 'an "id", a text or a number');
  if ((correct === undefined) === (expected === undefined)) throw noLabel(place, 'either "correct" or "expected"');
  if (expected !== undefined) return [String(id), { expected, place }];
  if (typeof correct !== "boolean") throw noLabel(place, '"correct" to be true or false');
  return [String(id), { correct }];
}

function noLabel(place: string, needed: string): CommandError {
  return new CommandError(`${place}: not a label: it needs ${needed}.`);
}
