import { InvalidOutputError } from "../contract/errors.ts";
import { messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { Pace } from "../core/pace.ts";
import { closedTheWhole, type Place, readJson } from "./json-reader.ts";
import { keptAsText } from "./json-scalars.ts";
import { contextOf } from "./marks.ts";
import {
  type AnswerSchema,
  type Candidate,
  type Checked,
  candidatesIn,
  chosen,
  hasFollowedPart,
  isRecord,
  mostWholes,
  pick,
  propertyNames,
} from "./pick-answer.ts";
import { withoutReasoning } from "./reasoning.ts";

/**
 * Job: read the answer in a model's text.
 * Boundary: whether a value fits is the schema's word.
 * Invariants:
 * 1. A value is taken only if nothing in the text says that another one may be meant.
 * 2. Each thing that was done to the text is a warning.
 * 3. An answer that was cut off is never mended: it would pass for what the model did not finish.
 */

/** Facts about a model's text that decide how it is read. */
export interface AnswerForm {
  readonly finishReason: string;
  /** Phrase for an answer that was cut off. */
  readonly cutOff?: string | undefined;
  /** The schema of a JSON answer; absent for a text. */
  readonly schema?: { readonly jsonSchema: JSONSchema; readonly check?: AnswerSchema["check"] | undefined } | undefined;
}

/** The answer in a model's text. */
export interface ReadAnswer {
  readonly data: unknown;
  /** Each thing that was done to the text, or that its reader should know, as a phrase. */
  readonly repairs: readonly string[];
  /** Text that the model marked as its thoughts; absent if there was none. */
  readonly reasoning: string | undefined;
  /** Finds the places in the text of all leaves of `data`, by JSON pointer; of a text its own, by `""`. */
  locate(): Promise<ReadonlyMap<string, Place>>;
}

const cutOff = "the answer was cut off at its length limit";

/**
 * Reads the answer in a model's text: without the reasoning before it, and as JSON where it has a schema.
 *
 * @throws InvalidOutputError if the text holds no answer, or several of which none is marked
 */
export async function readAnswer(text: string, form: AnswerForm): Promise<ReadAnswer> {
  const { finishReason, schema } = form;
  const pace = new Pace();
  const isCut = finishReason === "length";
  const { answer, reasoning, isUnfinished } = await withoutReasoning(text, schema !== undefined, pace);
  if (isUnfinished)
    throw new InvalidOutputError(["the answer is missing: the text holds only reasoning"], { data: text });
  const trimmed = answer.trim();
  if (trimmed === "")
    throw new InvalidOutputError([`the answer is empty (finish reason: ${finishReason})`], { data: "" });
  const offset = Math.max(0, text.lastIndexOf(answer));
  const removed = reasoning === undefined ? [] : ["left out the reasoning before the answer"];
  if (!schema) {
    const repairs = [...removed, ...(isCut ? [form.cutOff ?? cutOff] : [])];
    return { data: trimmed, repairs, reasoning, locate: async () => new Map([["", placeOf(trimmed, text, offset)]]) };
  }
  try {
    const { jsonSchema, check } = schema;
    const { value, repairs, source } = await readJsonAnswer(answer, isCut, check && { jsonSchema, check }, pace);
    const kept = repairs.find((repair) => repair.endsWith(keptAsText));
    if (kept && check && !(await check(value)).ok)
      throw new SyntaxError(
        `${kept}. Declare the field as a string in the schema, so that it may have any number of digits`,
      );
    return { data: value, repairs: [...removed, ...repairs], reasoning, locate: () => locate(source, offset, pace) };
  } catch (cause) {
    throw new InvalidOutputError([messageOf(cause)], { data: trimmed, cause });
  }
}

interface JsonAnswer {
  readonly value: unknown;
  readonly repairs: readonly string[];
  readonly source: Source;
}

/** Text that a value was read from, and how, so that its leaves can be found again. */
interface Source {
  readonly text: string;
  readonly start: number;
  /** Index after a value that is not an object and not a list. */
  readonly end?: number | undefined;
  readonly isLenient: boolean;
  /** JSON pointer of the answer in the value. */
  readonly within: string;
}

/** Longer answers are not read. */
export const largestAnswer = 8 * 2 ** 20;

/**
 * Returns the JSON value that a text gives as its answer. Of the values that fit the schema it is the one that is marked as
 * the answer, else the last if it stands alone and no prose follows. Without a schema it is the last value. If none fits,
 * the value that was most likely meant is returned, and does not fit.
 *
 * @throws SyntaxError if there is none, or if nothing tells which of several is meant
 */
async function readJsonAnswer(
  text: string,
  isCut: boolean,
  schema: AnswerSchema | undefined,
  pace: Pace,
): Promise<JsonAnswer> {
  const bytes = Buffer.byteLength(text);
  if (bytes > largestAnswer) throw new SyntaxError(`the answer has ${bytes} bytes; at most ${largestAnswer} are read`);
  const start = text.length - text.trimStart().length;
  const whole = await readJson(text, start, false, pace);
  if (!("fault" in whole) && text.slice(whole.end).trim() === "") {
    if (pace.spend(text.length)) await pace.turn();
    const source = { text, start, isLenient: false, within: "" };
    const parts = schema ? await partsOf(whole.value, schema, pace) : [];
    if (parts.length === 0 || !schema || (await schema.check(whole.value)).ok)
      return { value: whole.value, repairs: whole.notes, source };
    const inner = await unwrapped(whole.value, whole.notes, source, schema, pace);
    return inner ?? { value: whole.value, repairs: whole.notes, source };
  }
  if (isCut) throw new SyntaxError(cutOff);
  const candidates = await candidatesIn(text, schema, pace);
  const answer = await chosen(candidates, schema, pace);
  if (answer?.fits) return asAnswer(answer, candidates.length);
  const scalar =
    schema && takesScalars(schema) ? await scalarAnswer(text, schema, candidates.length > 0, pace) : undefined;
  if (scalar) return scalar;
  const broken = candidates.findLast(({ fault }) => fault !== undefined);
  if (!answer || (broken && broken.context.mark >= answer.context.mark))
    throw new SyntaxError(
      broken ? `the answer is not JSON and cannot be mended: ${broken.fault}` : "the answer holds no JSON value",
    );
  const isSure =
    !answer.mends.includes(closedTheWhole) &&
    !(answer.context.hasStrayBrackets && (answer.hasKeyTwice || hasFollowedPart(answer.value)));
  const inner =
    schema && isSure ? await unwrapped(answer.value, repairsOf(answer), sourceOf(answer), schema, pace) : undefined;
  return inner ?? asAnswer(answer, candidates.length);
}

function asAnswer(answer: Checked, found: number): JsonAnswer {
  return {
    value: answer.value,
    repairs: [...repairsOf(answer), ...(found > 1 ? [`passed over other JSON in the text`] : [])],
    source: sourceOf(answer),
  };
}

function sourceOf({ text, region = text, start, end, value, isLenient = false }: Candidate): Source {
  return { text: region, start, end: typeof value === "object" ? undefined : end, isLenient, within: "" };
}

/** @param offset index at which the source begins in the model's text */
async function locate(source: Source, offset: number, pace: Pace): Promise<ReadonlyMap<string, Place>> {
  const { text, start, end, isLenient, within } = source;
  const found = new Map<string, Place>();
  await readJson(text, start, isLenient, pace, found);
  if (end !== undefined && !found.has("")) found.set("", [start, end]);
  const places = new Map<string, Place>();
  for (const [pointer, [from, to]] of found)
    if (pointer === within || pointer.startsWith(`${within}/`))
      places.set(pointer.slice(within.length), [offset + from, offset + to]);
  return places;
}

function placeOf(part: string, text: string, from = 0): Place {
  const start = text.indexOf(part, from);
  return [start, start + part.length];
}

function repairsOf({ context, mends, notes }: Candidate): string[] {
  return [
    ...(context.isFenced ? ["took the JSON out of its code fence"] : []),
    ...(context.isSurrounded && !context.isFenced ? ["cut the JSON out of the text around it"] : []),
    ...(context.hasStrayBrackets ? ["removed brackets that nothing opened"] : []),
    ...(mends.length > 0 ? [`mended the JSON: ${mends.join(", ")}`] : []),
    ...notes,
  ];
}

// ---- wrappers

const wrapperNames = new Set(
  "answer final finalanswer result finalresult output response solution json data value".split(" "),
);

/** Takes the answer out of what a model wrapped around it, such as `{ "answer": … }`. */
async function unwrapped(
  value: unknown,
  repairs: readonly string[],
  source: Source,
  schema: AnswerSchema,
  pace: Pace,
): Promise<JsonAnswer | undefined> {
  for (const { name, part, pointer } of await partsOf(value, schema, pace))
    if ((await schema.check(part)).ok)
      return {
        value: part,
        repairs: [...repairs, `took the answer out of ${name}`],
        source: { ...source, within: pointer },
      };
  return undefined;
}

interface Part {
  readonly name: string;
  readonly pointer: string;
  readonly part: unknown;
}

/** Steps of a look at a key, beside those of its characters. */
const stepsOfKey = 8;

/**
 * Parts of a value that may be the whole answer: the one under a key that names it, or the only one. A key that the schema
 * itself has is never a wrapper.
 */
async function partsOf(value: unknown, { jsonSchema }: AnswerSchema, pace: Pace): Promise<readonly Part[]> {
  if (Array.isArray(value))
    return value.length === 1 && isRecord(value[0]) ? [{ name: "a list of one", pointer: "/0", part: value[0] }] : [];
  if (!isRecord(value) || !("properties" in jsonSchema || "type" in jsonSchema)) return [];
  const known = propertyNames(jsonSchema);
  const keys = Object.keys(value);
  const named: string[] = [];
  for (const key of keys) {
    if (pace.spend(key.length + stepsOfKey)) await pace.turn();
    if (known.has(key)) return [];
    if (isWrapperName(key)) named.push(key);
  }
  const [key] = named.length === 1 ? named : keys.length === 1 ? keys : [];
  if (key === undefined) return [];
  const pointer = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return [{ name: `"${key.slice(0, 40)}"`, pointer, part: value[key] }];
}

function isWrapperName(key: string): boolean {
  return key.length <= 40 && wrapperNames.has(key.toLowerCase().replace(/[\s_-]/g, ""));
}

// ---- scalars

const containers = new Set<unknown>(["object", "array"]);

function takesScalars({ jsonSchema }: AnswerSchema): boolean {
  return !containers.has(jsonSchema["type"]);
}

/** Reads a number, a literal or a string that stands on a line of its own or is marked as the answer, or the bare text. */
async function scalarAnswer(
  text: string,
  schema: AnswerSchema,
  hasWholes: boolean,
  pace: Pace,
): Promise<JsonAnswer | undefined> {
  const fitting: Checked[] = [];
  for (const candidate of await scalarsIn(text, pace))
    if ((await schema.check(candidate.value)).ok) fitting.push({ ...candidate, fits: true });
  if (fitting.length > 0) return asAnswer(await pick(fitting, pace), fitting.length);
  const bare = text.trim();
  if (hasWholes || /^[[{"'`]/.test(bare)) return undefined;
  for (const value of [bare, bare.replace(/^[*_]{1,3}|[*_]{1,3}$/g, "")])
    if ((await schema.check(value)).ok) {
      const [start, end] = placeOf(value, text);
      const source = { text, start, end, isLenient: true, within: "" };
      return { value, repairs: ["took the text as a JSON string"], source };
    }
  return undefined;
}

/** Steps of a look at a line, beside those of its characters. */
const stepsOfLine = 50;

async function scalarsIn(text: string, pace: Pace): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const { 0: written, index } of text.matchAll(/[^\n]+/g)) {
    if (pace.spend(written.length + stepsOfLine)) await pace.turn();
    const line = withoutEndMarks(written);
    const lead = /^[\s*_`>]*/.exec(line)?.[0].length ?? 0;
    const label = /^.{0,200}(?::|=|\bis|\\boxed\{)[\s*_`]*/.exec(line)?.[0].length ?? 0;
    for (const offset of label > 0 && label !== lead ? [lead, label] : [lead]) {
      const read = await readJson(line, offset, true, pace);
      if ("fault" in read || typeof read.value === "object" || read.end < line.length) continue;
      const found = { ...read, start: index + offset, end: index + read.end };
      const context = contextOf(text, found, 0);
      if (offset !== lead && context.mark < 1) continue;
      candidates.push({ ...found, context, text });
    }
    if (candidates.length > mostWholes)
      throw new SyntaxError(`the answer holds more than ${mostWholes} JSON values; give one`);
  }
  return candidates;
}

/** A line without the markup and the full stop behind a value, such as `**42**.` */
function withoutEndMarks(line: string): string {
  let end = line.length;
  while (end > 0 && /[\s*_`.}]/.test(line[end - 1] as string)) end--;
  return line.slice(0, end);
}
