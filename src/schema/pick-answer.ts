import { canonicalJson } from "../core/canonical.ts";
import type { JSONSchema } from "../core/json.ts";
import type { Pace } from "../core/pace.ts";
import { JsonScanner, type JsonWhole } from "./find-json.ts";
import { closedTheWhole } from "./json-reader.ts";
import { type Context, contextOf, isLink } from "./marks.ts";

/**
 * Job: tell which of the JSON values in a text is the answer.
 * Boundary: whether a value fits is the schema's word.
 * Invariants:
 * 1. A value is taken only if nothing in the text says that another one may be meant.
 * 2. A bracket that is missing, or one too many, is mended only where it has a single place.
 */

/** The schema by which candidates are checked. */
export interface AnswerSchema {
  readonly jsonSchema: JSONSchema;
  readonly check: (value: unknown) => PromiseLike<{ readonly ok: boolean }>;
}

export const mostWholes = 256;

export interface Candidate extends JsonWhole {
  readonly context: Context;
  readonly text: string;
}

/** Steps of a look at the neighbours of a value. */
const stepsOfContext = 1_000;

export async function candidatesIn(text: string, schema: AnswerSchema | undefined, pace: Pace): Promise<Candidate[]> {
  const scanner = new JsonScanner(text, pace);
  const names = schema && propertyNames(schema.jsonSchema);
  const candidates: Candidate[] = [];
  let previousEnd = 0;
  for (let whole = await scanner.next(0); whole; whole = await scanner.next(whole.end)) {
    if (isLink(text, whole)) {
      previousEnd = whole.end;
      continue;
    }
    const context = contextOf(text, whole, previousEnd);
    if (pace.spend(stepsOfContext)) await pace.turn();
    previousEnd = whole.end;
    const isPart = context.isPart || (context.label !== "" && names?.has(context.label));
    const fault = whole.fault ?? (isPart ? "it goes on beside its brackets" : undefined);
    candidates.push({ ...whole, ...(fault !== undefined && { fault }), context, text });
    if (candidates.length > mostWholes)
      throw new SyntaxError(`the answer holds more than ${mostWholes} JSON values; give one`);
  }
  if (scanner.isExhausted) throw new SyntaxError("the answer has too many brackets that nothing closes");
  return candidates;
}

export interface Checked extends Candidate {
  readonly fits: boolean;
}

/** The candidate that was most likely meant. */
export async function chosen(
  candidates: readonly Candidate[],
  schema: AnswerSchema | undefined,
  pace: Pace,
): Promise<Checked | undefined> {
  const readable = candidates.filter(({ fault }) => fault === undefined);
  if (!schema) return withFit(readable.at(-1), true);
  const checked: Checked[] = [];
  for (const candidate of readable) {
    checked.push({ ...candidate, fits: (await schema.check(candidate.value)).ok });
    if (pace.spend(sizeOf(candidate))) await pace.turn();
  }
  const fitting = checked.filter(({ fits }) => fits);
  const strongest = Math.max(0, ...candidates.map(({ context }) => context.mark));
  const answer = fitting.length > 0 ? await pick(fitting, pace) : undefined;
  if (!answer) return checked.findLast(({ context }) => context.mark === strongest) ?? checked.at(-1);
  assertNothingElseIsMeant(answer, candidates, checked, strongest);
  if (answer.mends.includes(closedTheWhole)) await assertClosedInOneWay(answer.value, schema, pace);
  if (answer.context.mark < strongest) return checked.findLast(({ context }) => context.mark === strongest) ?? answer;
  return answer;
}

function withFit(candidate: Candidate | undefined, fits: boolean): Checked | undefined {
  return candidate && { ...candidate, fits };
}

/** Picks one of the candidates that fit. */
export async function pick(fitting: readonly Checked[], pace: Pace): Promise<Checked> {
  const meant = fitting.filter(({ context }) => context.mark > -2);
  if (meant.length === 0) throw new SyntaxError("the only JSON values that fit are given as examples or drafts");
  const strongest = Math.max(0, ...meant.map(({ context }) => context.mark));
  const marked = meant.filter(({ context }) => strongest === 0 || context.mark === strongest);
  const last = marked.at(-1) as Checked;
  if (marked.length === 1) return last;
  const values = new Set<string>();
  for (const one of marked) {
    values.add(canonicalJson(one.value));
    if (pace.spend(sizeOf(one))) await pace.turn();
  }
  if (values.size === 1) return last;
  if (strongest === 0 && last.context.mark === 0 && last.context.isAlone && last === fitting.at(-1)) return last;
  throw new SyntaxError(`the answer holds ${values.size} different JSON values that fit; say which one is meant`);
}

function sizeOf({ start, end }: Candidate): number {
  return end - start;
}

/** @throws SyntaxError if another value, which cannot be read or does not fit, may be the answer */
function assertNothingElseIsMeant(
  answer: Checked,
  candidates: readonly Candidate[],
  checked: readonly Checked[],
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
  const other = checked.find((one) => !one.fits && isLater(one) && holdsRecord(one.value));
  if (other && answer.context.mark <= 0)
    throw new SyntaxError("the answer holds a value that fits and a later one that does not; say which one is meant");
}

/**
 * Tells whether parts of a value that lost a bracket stand between the values: a key with quotes, a bracket without another.
 * Before a marked answer, only what stands right before it counts.
 */
function hasRemains(answer: Candidate, candidates: readonly Candidate[]): boolean {
  const { context, text } = answer;
  const [before, after] = [[] as string[], [] as string[]];
  let from = 0;
  for (const { start, end } of candidates) {
    (start <= answer.start ? before : after).push(text.slice(from, start));
    from = end;
  }
  after.push(text.slice(from));
  const prose = context.mark > 0 ? (before.at(-1) ?? "").slice(-200) : before.join(" ");
  const rest = after.join(" ");
  if (/["'”’]\s{0,20}:/.test(`${prose} ${rest}`)) return true;
  if (context.mark <= 0 && (isUnbalanced(prose) || (/[{}]/.test(rest) && !context.hasStrayBrackets))) return true;
  return isUnbalanced(rest) && !context.hasStrayBrackets;
}

/** Tells whether a bracket closes nothing, or a brace is never closed. */
function isUnbalanced(prose: string): boolean {
  let [braces, brackets] = [0, 0];
  for (let at = 0; at < prose.length; at++) {
    const code = prose.charCodeAt(at);
    if (code === 0x7b) braces++;
    else if (code === 0x5b) brackets++;
    else if (code === 0x7d && --braces < 0) return true;
    else if (code === 0x5d && --brackets < 0) return true;
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
async function assertClosedInOneWay(value: unknown, schema: AnswerSchema, pace: Pace): Promise<void> {
  // A look at all keys of a large object takes a slice of its own.
  await pace.turn();
  const isUnclear = countClosings(value) > mostClosings;
  for (const other of isUnclear ? [value] : earlierClosings(value)) {
    if (isUnclear || (await schema.check(other)).ok)
      throw new SyntaxError("the answer lacks a bracket that may belong in several places");
    await pace.turn();
  }
}

/** Number of values that `earlierClosings` gives, up to some more than are tried. */
function countClosings(value: unknown): number {
  let count = 0;
  let outer = value;
  for (let keys = keysOf(outer); keys.length > 0 && count <= mostClosings; ) {
    const inner = (outer as Record<string, unknown>)[keys.at(-1) as string];
    keys = keysOf(inner);
    if (Array.isArray(inner) === Array.isArray(outer)) count += Math.max(0, keys.length - 1);
    outer = inner;
  }
  return count;
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
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
export function hasFollowedPart(value: unknown): boolean {
  if (Array.isArray(value)) return value.slice(0, -1).some(Array.isArray) || value.some(hasFollowedPart);
  if (!isRecord(value)) return false;
  const parts = Object.values(value);
  return parts.slice(0, -1).some(isRecord) || parts.some(hasFollowedPart);
}

/** Citations such as [1] are no answers; objects and lists of them may be. */
function holdsRecord(value: unknown): boolean {
  return isRecord(value) || (Array.isArray(value) && value.some(holdsRecord));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names of the properties that a schema speaks of anywhere. */
export function propertyNames(schema: unknown, names = new Set<string>(), depth = 0): Set<string> {
  if (typeof schema !== "object" || schema === null || depth > 64) return names;
  const { properties } = schema as JSONSchema;
  if (isRecord(properties)) for (const name of Object.keys(properties)) names.add(name);
  for (const part of Object.values(schema)) propertyNames(part, names, depth + 1);
  return names;
}
