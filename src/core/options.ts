import * as v from "valibot";
import { InvalidOptionsError, type OptionIssue, showValue } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** A set of options, declared once: its entries give the type, the defaults, the checks and the reference page. */
export interface OptionsDeclaration<Entries extends v.ObjectEntries> {
  readonly name: string;
  /** Place where a caller writes these options: `options`, `toolOptions`. */
  readonly place: string;
  readonly entries: Entries;
  readonly schema: v.StrictObjectSchema<Entries, undefined>;
  readonly elsewhere: OptionPlaces;
}

/**
 * Options as a caller may write them: every option may be left out, or be `undefined`. An interface of them declares one of
 * its options again: errors and editors show an interface without members of its own as what it extends.
 */
export type OptionsInput<D extends OptionsDeclaration<any>> = EntriesInput<D["entries"]>;

type EntriesInput<Entries extends v.ObjectEntries> = {
  [Name in keyof Entries]?: v.InferInput<Entries[Name]> | undefined;
};

/** `OptionsInput` of a set that spreads `Shared` entries: spread, they would lose their comments in declaration files. */
export type OptionsInputWith<Shared extends v.ObjectEntries, D extends OptionsDeclaration<any>> = EntriesInput<Shared> &
  Omit<OptionsInput<D>, keyof Shared>;

/** Options as the code reads them: every option is there, its default filled in, so that a forgotten one does not compile. */
export type ResolvedOptions<D extends OptionsDeclaration<any>> = EntriesOutput<D["entries"]>;

type EntriesOutput<Entries extends v.ObjectEntries> = {
  readonly [Name in keyof Entries]: v.InferOutput<Entries[Name]>;
};

/** Places of options in the order in which they are proposed for a misplaced one, each with the names it has. */
export type OptionPlaces = readonly (readonly [place: string, names: readonly string[]])[];

/** @param elsewhere places that an option may have been meant for which this set does not have */
export function declareOptions<const Entries extends v.ObjectEntries>(
  name: string,
  place: string,
  entries: Entries,
  elsewhere: OptionPlaces = [],
): OptionsDeclaration<Entries> {
  return { name, place, entries, schema: v.strictObject(entries), elsewhere };
}

/**
 * Checks options and fills in their defaults; the caller's object is not changed.
 *
 * @param path where the options stand in the call, for the error
 * @throws InvalidOptionsError naming every fault, what was given and what is allowed
 */
export function resolveOptions<D extends OptionsDeclaration<any>>(
  declaration: D,
  given: unknown,
  path: string = declaration.place,
): ResolvedOptions<D> {
  const issues: OptionIssue[] = [];
  const resolved = collectOptions(declaration, given, path, issues);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return resolved as ResolvedOptions<D>;
}

/** Like `resolveOptions`, but adds the faults to `issues`, so that one error can name those of several places. */
export function collectOptions<D extends OptionsDeclaration<any>>(
  declaration: D,
  given: unknown,
  path: string,
  issues: OptionIssue[],
): ResolvedOptions<D> | undefined {
  const result = v.safeParse(declaration.schema, given === undefined ? {} : given);
  if (result.success) return Object.freeze(result.output) as ResolvedOptions<D>;
  for (const issue of result.issues) issues.push(describe(declaration, path, issue));
  return undefined;
}

/**
 * Refuses options of unknown names, for sets whose types are written by hand.
 *
 * @param place where the options stand in the call, for the error
 * @param elsewhere places that an unknown option may have been meant for
 * @throws InvalidOptionsError naming all of them, each with the nearest known one
 */
export function assertKnownOptions(
  given: object,
  known: readonly string[],
  place: string,
  elsewhere: OptionPlaces = [],
): void {
  const unknown = Object.entries(given).filter(([name]) => !known.includes(name));
  if (unknown.length === 0) return;
  const what = `an option of ${place}`;
  throw new InvalidOptionsError(
    unknown.map(([name, value]) => unknownOption(`${place}.${name}`, name, value, { what, known, elsewhere })),
  );
}

function describe(declaration: OptionsDeclaration<any>, path: string, issue: v.BaseIssue<unknown>): OptionIssue {
  const inside = v.getDotPath(issue);
  const at = inside ? `${path}.${inside}` : path;
  if (issue.type !== "strict_object") return { path: at, given: issue.input, allowed: issue.message };
  if (issue.expected === "Object") return { path: at, given: issue.input, allowed: objectAllowed(declaration, issue) };
  const { key, value } = issue.path?.at(-1) ?? {};
  const entries = entriesAround(declaration, issue);
  const name = String(key);
  if (Object.hasOwn(entries, name)) return { path: at, given: value, allowed: allowedIn(entries[name]) };
  const what = kindOf[declaration.place] ?? `an option of ${declaration.place}`;
  const elsewhere = declaration.elsewhere.filter(([place]) => place !== declaration.place);
  return unknownOption(at, name, value, { what, known: Object.keys(entries), elsewhere });
}

/** Names the options of an object that got another value: `budget: 0.05` is meant as `{ costUsd: 0.05 }`. */
function objectAllowed(declaration: OptionsDeclaration<any>, issue: v.BaseIssue<unknown>): string {
  const names = Object.keys(issue.path ? entriesAt(declaration, issue.path) : {});
  return names.length === 0 ? "an object" : `an object with ${names.join(", ")}`;
}

/** The entries of the object that has an unknown name or lacks a needed one. */
function entriesAround(declaration: OptionsDeclaration<any>, issue: v.BaseIssue<unknown>): Record<string, any> {
  return entriesAt(declaration, issue.path?.slice(0, -1) ?? []);
}

function entriesAt(declaration: OptionsDeclaration<any>, path: readonly v.IssuePathItem[]): Record<string, any> {
  let schema: any = declaration.schema;
  for (const { key } of path) schema = unwrap(schema.entries?.[key as string] ?? schema.value ?? schema.item);
  return schema.entries;
}

function unwrap(schema: any): any {
  return schema.wrapped ? unwrap(schema.wrapped) : schema;
}

function allowedIn(schema: any): string {
  const { allowed } = v.getMetadata(schema) as { allowed?: string };
  return allowed ?? (typeof schema.message === "string" ? schema.message : "an object");
}

const kindOf: Readonly<Record<string, string>> = {
  options: "a run option",
  toolOptions: "a tool option",
  reliabilityConfig: "a reliability option",
  tool: "a key of a tool file",
};

/** Options that the place of an unknown one takes. */
export interface KnownThere {
  /** Kind of option that was expected: "a run option". */
  readonly what: string;
  readonly known: readonly string[];
  readonly elsewhere: OptionPlaces;
}

/** The fault of an option that is not known in its place: says where it belongs, or the nearest known name. */
export function unknownOption(
  path: string,
  name: string,
  given: unknown,
  { what, known, elsewhere }: KnownThere,
): OptionIssue {
  const [place] = elsewhere.find(([, names]) => names.includes(name)) ?? [];
  if (place !== undefined) {
    const message = `${path} is not ${what}. Move it to ${place}.${name}.`;
    return { path, given, allowed: `no such option here: "${name}" belongs in ${place}`, message };
  }
  const translated = namesElsewhere[name];
  const guess = translated !== undefined && known.includes(translated) ? translated : nearest(name, known);
  const choices = known.length > 0 ? `one of ${known.join(", ")}` : "no options here";
  const allowed = `no option of this name${guess ? `; did you mean "${guess}"?` : ""} (${choices})`;
  const advice = guess ? `; did you mean "${guess}"?` : `. Known: ${known.join(", ") || "none"}.`;
  return { path, given, allowed, message: `${path} is not ${what} (got ${showValue(given)})${advice}` };
}

/** Options by the names that other libraries have for them. */
const namesElsewhere: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  abortSignal: "signal",
  handler: "execute",
  inputSchema: "input",
  instructions: "system",
  maxTokens: "maxOutputTokens",
  max_tokens: "maxOutputTokens",
  messages: "prompt",
  output: "schema",
  parameters: "input",
  response_format: "schema",
  retries: "maxRetries",
  rpm: "requestsPerMinute",
  run: "execute",
  tpm: "tokensPerMinute",
  usd: "costUsd",
});

/** Facts about an entry for the reference page. */
export interface OptionFacts {
  readonly allowed: string;
  readonly unit?: string;
}

type Check<T> = v.GenericSchema<T>;

/** Any valibot schema with the phrase that says what is allowed. */
function described<T>(schema: Check<T>, facts: OptionFacts): Check<T> {
  return v.pipe(schema, v.metadata({ ...facts })) as unknown as Check<T>;
}

/** A whole number in a range. */
export function wholeNumber(range: { minimum: number; maximum?: number; unit?: string }): Check<number> {
  return numberIn("a whole number", range, (allowed) => v.pipe(v.number(allowed), v.safeInteger(allowed)));
}

/** A number in a range. */
export function finiteNumber(range: { minimum: number; maximum?: number; unit?: string }): Check<number> {
  return numberIn("a number", range, (allowed) => v.pipe(v.number(allowed), v.finite(allowed)));
}

function numberIn(
  kind: string,
  range: { minimum: number; maximum?: number; unit?: string },
  base: (allowed: string) => Check<number>,
): Check<number> {
  const { minimum, maximum, unit } = range;
  const bounds = maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  const allowed = `${kind}${unit ? ` of ${unit}` : ""} ${unit && maximum === undefined ? `(at least ${minimum})` : bounds}`;
  const atLeast = v.pipe(base(allowed), v.minValue(minimum, allowed));
  const bounded = maximum === undefined ? atLeast : v.pipe(atLeast, v.maxValue(maximum, allowed));
  return described(bounded as Check<number>, unit ? { allowed, unit } : { allowed });
}

/** A duration. */
export function milliseconds(range: { minimum?: number; maximum?: number } = {}): Check<number> {
  return finiteNumber({ minimum: 0, ...range, unit: "milliseconds" });
}

export function trueOrFalse(): Check<boolean> {
  return described(v.boolean("true or false"), { allowed: "true or false" });
}

export function text(allowed = "a text that is not empty"): Check<string> {
  return described(v.pipe(v.string(allowed), v.minLength(1, allowed)) as Check<string>, { allowed });
}

export function oneOf<const Choices extends readonly string[]>(choices: Choices): Check<Choices[number]> {
  const allowed = `one of ${choices.map((choice) => `"${choice}"`).join(", ")}`;
  return described(v.picklist(choices, allowed) as Check<Choices[number]>, { allowed });
}

export function listOf<T>(item: Check<T>, allowed: string): Check<readonly T[]> {
  return described(v.array(item, allowed) as unknown as Check<readonly T[]>, { allowed });
}

/** A value whose type is written by hand, checked by a function. */
export function checkedBy<T>(check: (value: unknown) => boolean, allowed: string): Check<T> {
  return described(v.custom<T>(check, allowed) as Check<T>, { allowed });
}

/** Options inside options. */
export function nested<Entries extends v.ObjectEntries>(entries: Entries): NestedOptions<Entries> {
  return v.strictObject(entries) as unknown as NestedOptions<Entries>;
}

/** The schema of options inside options. */
export interface NestedOptions<Entries extends v.ObjectEntries>
  extends v.GenericSchema<Shown<EntriesInput<Entries>>, EntriesOutput<Entries>> {
  readonly entries: Entries;
}

/** The same type without its name: an editor shows its members, and not the schemas that they come from. */
type Shown<T> = T extends infer Members ? { [Name in keyof Members]: Members[Name] } : never;
