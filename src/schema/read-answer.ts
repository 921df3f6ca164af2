import { InvalidOutputError } from "../contract/errors.ts";
import { canonicalJson } from "../core/canonical.ts";
import { messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { JsonScanner, type JsonWhole } from "./find-json.ts";
import { closedTheWhole, readJson } from "./json-reader.ts";
import { type Context, contextOf } from "./marks.ts";
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
  readonly schema?: { readonly jsonSchema: JSONSchema; readonly check?: AnswerJudge["check"] | undefined } | undefined;
}

/** The answer in a model's text. */
export interface ReadAnswer {
  readonly data: unknown;
  /** Each thing that was done to the text, or that its reader should know, as a phrase. */
  readonly repairs: readonly string[];
  /** Text that the model marked as its thoughts; absent if there was none. */
  readonly reasoning: string | undefined;
}

const cutOff = "the answer was cut off at its length limit";

/**
 * Reads the answer in a model's text: without the reasoning before it, and as JSON where it has a schema.
 *
 * @throws InvalidOutputError if the text holds no answer, or several of which none is marked
 */
export async function readAnswer(text: string, form: AnswerForm): Promise<ReadAnswer> {
  const { finishReason, schema } = form;
  const isCut = finishReason === "length";
  const { answer, reasoning, isUnfinished } = withoutReasoning(text, schema !== undefined);
  if (isUnfinished)
    throw new InvalidOutputError(["the answer is missing: the text holds only reasoning"], { data: text });
  const trimmed = answer.trim();
  if (trimmed === "")
    throw new InvalidOutputError([`the answer is empty (finish reason: ${finishReason})`], { data: "" });
  const removed = reasoning === undefined ? [] : ["left out the reasoning before the answer"];
  if (!schema) return { data: trimmed, repairs: [...removed, ...(isCut ? [form.cutOff ?? cutOff] : [])], reasoning };
  try {
    const { jsonSchema, check } = schema;
    const { value, repairs } = await readJsonAnswer(answer, isCut, check && { jsonSchema, check });
    return { data: value, repairs: [...removed, ...repairs], reasoning };
  } catch (cause) {
    throw new InvalidOutputError([messageOf(cause)], { data: trimmed, cause });
  }
}

interface JsonAnswer {
  readonly value: unknown;
  readonly repairs: readonly string[];
}

/** The schema by which candidates are judged. */
interface AnswerJudge {
  readonly jsonSchema: JSONSchema;
  readonly check: (value: unknown) => PromiseLike<{ readonly ok: boolean }>;
}

const largestBytes = 8 * 2 ** 20;
const mostWholes = 256;

/**
 * Returns the JSON value that a text gives as its answer. Of the values that fit the schema it is the one that is marked as
 * the answer, else the last if it stands alone and no prose follows. Without a schema it is the last value. If none fits,
 * the value that was most likely meant is returned, and does not fit.
 *
 * @throws SyntaxError if there is none, or if nothing tells which of several is meant
 */
async function readJsonAnswer(text: string, isCut: boolean, judge: AnswerJudge | undefined): Promise<JsonAnswer> {
  const bytes = Buffer.byteLength(text);
  if (bytes > largestBytes) throw new SyntaxError(`the answer has ${bytes} bytes; at most ${largestBytes} are read`);
  const start = text.length - text.trimStart().length;
  const whole = readJson(text, start, false);
  if (!("fault" in whole) && text.slice(whole.end).trim() === "") {
    const parts = judge ? partsOf(whole.value, judge) : [];
    if (parts.length === 0 || !judge || (await judge.check(whole.value)).ok)
      return { value: whole.value, repairs: whole.notes };
    return (await unwrapped(whole.value, whole.notes, judge)) ?? { value: whole.value, repairs: whole.notes };
  }
  if (isCut) throw new SyntaxError(cutOff);
  const candidates = candidatesIn(text, judge);
  const answer = await chosen(candidates, judge);
  if (answer?.fits) return asAnswer(answer, candidates.length);
  const scalar = judge && takesScalars(judge) ? await scalarAnswer(text, judge, candidates.length > 0) : undefined;
  if (scalar) return scalar;
  const broken = candidates.findLast(({ fault }) => fault !== undefined);
  if (!answer || (broken && broken.context.mark >= answer.context.mark))
    throw new SyntaxError(
      broken ? `the answer is not JSON and cannot be mended: ${broken.fault}` : "the answer holds no JSON value",
    );
  const isSure =
    !answer.mends.includes(closedTheWhole) && !(answer.context.hasStrayBrackets && hasFollowedPart(answer.value));
  const inner = judge && isSure ? await unwrapped(answer.value, repairsOf(answer), judge) : undefined;
  return inner ?? asAnswer(answer, candidates.length);
}

interface Candidate extends JsonWhole {
  readonly context: Context;
  readonly text: string;
}

function candidatesIn(text: string, judge: AnswerJudge | undefined): Candidate[] {
  const scanner = new JsonScanner(text);
  const candidates: Candidate[] = [];
  let previousEnd = 0;
  for (let whole = scanner.next(0); whole; whole = scanner.next(whole.end)) {
    const context = contextOf(text, whole, previousEnd);
    previousEnd = whole.end;
    if (context.isLink) continue;
    const isPart = context.isPart || (judge && context.label !== "" && hasProperty(judge.jsonSchema, context.label));
    const fault = whole.fault ?? (isPart ? "it goes on beside its brackets" : undefined);
    candidates.push({ ...whole, ...(fault !== undefined && { fault }), context, text });
    if (candidates.length > mostWholes)
      throw new SyntaxError(`the answer holds more than ${mostWholes} JSON values; give one`);
  }
  if (scanner.isExhausted) throw new SyntaxError("the answer has too many brackets that nothing closes");
  return candidates;
}

interface Judged extends Candidate {
  readonly fits: boolean;
}

/** The candidate that was most likely meant. */
async function chosen(candidates: readonly Candidate[], judge: AnswerJudge | undefined): Promise<Judged | undefined> {
  const readable = candidates.filter(({ fault }) => fault === undefined);
  if (!judge) return withFit(readable.at(-1), true);
  const judged: Judged[] = [];
  for (const candidate of readable) judged.push({ ...candidate, fits: (await judge.check(candidate.value)).ok });
  const fitting = judged.filter(({ fits }) => fits);
  const strongest = Math.max(0, ...candidates.map(({ context }) => context.mark));
  const answer = fitting.length > 0 ? pick(fitting) : undefined;
  if (!answer) return judged.findLast(({ context }) => context.mark === strongest) ?? judged.at(-1);
  assertNothingElseIsMeant(answer, candidates, judged, strongest);
  if (answer.mends.includes(closedTheWhole)) await assertClosedInOneWay(answer.value, judge);
  if (answer.context.mark < strongest) return judged.findLast(({ context }) => context.mark === strongest) ?? answer;
  return answer;
}

function withFit(candidate: Candidate | undefined, fits: boolean): Judged | undefined {
  return candidate && { ...candidate, fits };
}

/** Picks one of the candidates that fit. */
function pick(fitting: readonly Judged[]): Judged {
  const meant = fitting.filter(({ context }) => context.mark >= 0);
  if (meant.length === 0) throw new SyntaxError("the only JSON values that fit are given as examples or drafts");
  const strongest = Math.max(...meant.map(({ context }) => context.mark));
  const marked = meant.filter(({ context }) => context.mark === strongest);
  const last = marked.at(-1) as Judged;
  const values = new Set(marked.map(({ value }) => canonicalJson(value)));
  if (values.size === 1) return last;
  if (strongest === 0 && last.context.isAlone && last === fitting.at(-1)) return last;
  throw new SyntaxError(`the answer holds ${values.size} different JSON values that fit; say which one is meant`);
}

/** @throws SyntaxError if another value, which cannot be read or does not fit, may be the answer */
function assertNothingElseIsMeant(
  answer: Judged,
  candidates: readonly Candidate[],
  judged: readonly Judged[],
  strongest: number,
): void {
  const isLater = ({ start }: Candidate) => start > answer.start;
  const broken = candidates.find(
    (one) => one.fault !== undefined && (strongest === 0 ? isLater(one) : one.context.mark === strongest),
  );
  if (broken) throw new SyntaxError(`the answer is not JSON and cannot be mended: ${broken.fault}`);
  if (
    answer.context.hasStrayBrackets &&
    (answer.hasKeyTwice || candidates.some(isBroken) || hasFollowedPart(answer.value))
  )
    throw new SyntaxError("the answer has a bracket too many, which may stand in several places");
  if (hasRemains(answer, candidates))
    throw new SyntaxError("the answer holds a value that fits and parts of another; say which one is meant");
  const other = judged.find((one) => !one.fits && isLater(one) && holdsRecord(one.value));
  if (other && answer.context.mark === 0)
    throw new SyntaxError("the answer holds a value that fits and a later one that does not; say which one is meant");
}

/**
 * Tells whether parts of a value that lost a bracket stand between the values: a key with quotes, a bracket without another.
 * Around a marked answer, only what stands right before it and after it counts.
 */
function hasRemains(answer: Candidate, candidates: readonly Candidate[]): boolean {
  const isMarked = answer.context.mark > 0;
  const gaps: string[] = [];
  let from = 0;
  for (const { start, end } of candidates) {
    if (!isMarked || end > answer.start)
      gaps.push(answer.text.slice(isMarked ? Math.max(from, start - 200) : from, start));
    from = end;
  }
  gaps.push(answer.text.slice(from));
  const prose = gaps.join(" ");
  if (/["'”’]\s{0,20}:/.test(prose)) return true;
  const after = candidates.findIndex(({ start }) => start === answer.start) + 1;
  if (!isMarked && gaps.slice(after).some((gap) => /[{}]/.test(gap))) return !answer.context.hasStrayBrackets;
  let [braces, brackets] = [0, 0];
  for (const { 0: sign } of prose.matchAll(/[{}[\]]/g)) {
    if (sign === "{" || sign === "}") braces += sign === "{" ? 1 : -1;
    else brackets += sign === "[" ? 1 : -1;
    if (braces < 0 || brackets < 0) return !answer.context.hasStrayBrackets;
  }
  return braces > 0;
}

const mostClosings = 32;

/**
 * Checks that a missing bracket belongs at the end: that no object inside could have ended before, with its other members
 * going to the object around it.
 *
 * @throws SyntaxError if the value would fit then too
 */
async function assertClosedInOneWay(value: unknown, judge: AnswerJudge): Promise<void> {
  let count = 0;
  for (const other of earlierClosings(value)) {
    if (++count > mostClosings || (await judge.check(other)).ok)
      throw new SyntaxError("the answer lacks a bracket that may belong in several places");
  }
}

/** The values that a text has if the missing bracket stands further in front. */
function* earlierClosings(outer: unknown): Generator<unknown> {
  if (Array.isArray(outer)) {
    const last: unknown = outer.at(-1);
    const others = outer.slice(0, -1);
    if (Array.isArray(last))
      for (let count = 1; count < last.length; count++) yield [...others, last.slice(0, count), ...last.slice(count)];
    for (const inner of earlierClosings(last)) yield [...others, inner];
  } else if (isRecord(outer)) {
    const [key, last] = Object.entries(outer).at(-1) ?? [];
    if (key === undefined) return;
    if (isRecord(last)) {
      const members = Object.entries(last);
      for (let count = 1; count < members.length; count++)
        yield {
          ...outer,
          [key]: Object.fromEntries(members.slice(0, count)),
          ...Object.fromEntries(members.slice(count)),
        };
    }
    for (const inner of earlierClosings(last)) yield { ...outer, [key]: inner };
  }
}

function isBroken({ fault }: Candidate): boolean {
  return fault !== undefined;
}

/** Tells whether a part of a value could go on if its bracket were the one too many. */
function hasFollowedPart(value: unknown): boolean {
  if (Array.isArray(value)) return value.slice(0, -1).some(Array.isArray) || value.some(hasFollowedPart);
  if (!isRecord(value)) return false;
  const parts = Object.values(value);
  return parts.slice(0, -1).some(isRecord) || parts.some(hasFollowedPart);
}

/** Citations such as [1] are no answers; objects and lists of them may be. */
function holdsRecord(value: unknown): boolean {
  return isRecord(value) || (Array.isArray(value) && value.some(holdsRecord));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asAnswer(answer: Judged, found: number): JsonAnswer {
  return {
    value: answer.value,
    repairs: [...repairsOf(answer), ...(found > 1 ? [`passed over other JSON in the text`] : [])],
  };
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
  judge: AnswerJudge,
): Promise<JsonAnswer | undefined> {
  for (const { name, part } of partsOf(value, judge))
    if ((await judge.check(part)).ok) return { value: part, repairs: [...repairs, `took the answer out of ${name}`] };
  return undefined;
}

/**
 * Parts of a value that may be the whole answer: the one under a key that names it, or the only one. A key that the schema
 * itself has is never a wrapper.
 */
function partsOf(value: unknown, { jsonSchema }: AnswerJudge): { readonly name: string; readonly part: unknown }[] {
  if (Array.isArray(value))
    return value.length === 1 && isRecord(value[0]) ? [{ name: "a list of one", part: value[0] }] : [];
  if (!isRecord(value)) return [];
  const entries = Object.entries(value);
  const named = entries.filter(([key]) => wrapperNames.has(key.toLowerCase().replace(/[\s_-]/g, "")));
  const [entry] = named.length === 1 ? named : entries.length === 1 ? entries : [];
  const isKnown = "properties" in jsonSchema || "type" in jsonSchema;
  if (!entry || !isKnown || entries.some(([key]) => hasProperty(jsonSchema, key))) return [];
  return [{ name: `"${entry[0].slice(0, 40)}"`, part: entry[1] }];
}

function hasProperty(schema: unknown, name: string, depth = 0): boolean {
  if (typeof schema !== "object" || schema === null || depth > 64) return false;
  const { properties } = schema as JSONSchema;
  if (isRecord(properties) && Object.hasOwn(properties, name)) return true;
  return Object.values(schema).some((part) => hasProperty(part, name, depth + 1));
}

// ---- scalars

const containers = new Set<unknown>(["object", "array"]);

function takesScalars({ jsonSchema }: AnswerJudge): boolean {
  return !containers.has(jsonSchema["type"]);
}

/** Reads a number, a literal or a string that stands on a line of its own or is marked as the answer, or the bare text. */
async function scalarAnswer(text: string, judge: AnswerJudge, hasWholes: boolean): Promise<JsonAnswer | undefined> {
  const fitting: Judged[] = [];
  for (const candidate of scalarsIn(text))
    if ((await judge.check(candidate.value)).ok) fitting.push({ ...candidate, fits: true });
  if (fitting.length > 0) return asAnswer(pick(fitting), fitting.length);
  const bare = text.trim();
  if (hasWholes || /^[[{"'`]/.test(bare)) return undefined;
  for (const value of [bare, bare.replace(/^[*_]{1,3}|[*_]{1,3}$/g, "")])
    if ((await judge.check(value)).ok) return { value, repairs: ["took the text as a JSON string"] };
  return undefined;
}

function scalarsIn(text: string): Candidate[] {
  const candidates: Candidate[] = [];
  for (const { 0: line, index } of text.matchAll(/[^\n]+/g)) {
    const lead = /^[\s*_`>]*/.exec(line)?.[0].length ?? 0;
    const label = /^.{0,200}(?::|=|\bis|\\boxed\{)[\s*_`]*/.exec(line)?.[0].length ?? 0;
    for (const offset of label > 0 && label !== lead ? [lead, label] : [lead]) {
      const read = readJson(line, offset, true);
      if ("fault" in read || typeof read.value === "object" || !/^[\s*_`.}]*$/.test(line.slice(read.end))) continue;
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
