import type { LanguageModelV4CallOptions, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import * as v from "valibot";
import type { LanguageModelLike } from "../contract/model.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import {
  checkedBy,
  declareOptions,
  finiteNumber,
  milliseconds,
  type OptionsInput,
  resolveOptions,
  text,
  wholeNumber,
} from "../core/options.ts";
import { type Random, seededRandom } from "../core/random.ts";
import { streamOf, userText } from "./recorded.ts";
import type { OwnModel } from "./response-format.ts";
import { fromUsage } from "./usage.ts";

const rate = () => finiteNumber({ minimum: 0, maximum: 1 });

export const simulatedModelOptions = declareOptions("SimulatedModelOptions", "simulatedModel", {
  /** The right answer: a JSON value, or a function of the question. Default: `simulatedTruth`. */
  truth: v.optional(checkedBy<unknown>(() => true, "a JSON value, or a function of the question that gives one")),
  /** Share of answers that are wrong. */
  errorRate: v.optional(rate(), 0),
  /** Share of answers that are no JSON of the schema: cut off, or wrapped in prose. */
  malformedRate: v.optional(rate(), 0),
  /** Share of calls that fail as an overloaded provider does (status 503). */
  failureRate: v.optional(rate(), 0),
  /** Mean time to an answer; single answers take half of it to one and a half. */
  latencyMs: v.optional(milliseconds(), 0),
  /** Another seed gives other mistakes. */
  seed: v.optional(wholeNumber({ minimum: 0 }), 0),
  /** Shown as the model's name. */
  modelId: v.optional(text(), "simulated"),
});

/** Ways of a simulated model. */
export interface SimulatedModelOptions extends OptionsInput<typeof simulatedModelOptions> {}

type Settings = ReturnType<typeof resolveOptions<typeof simulatedModelOptions>>;

/**
 * Makes a simulated model: it knows the truth and errs at a given rate. Its answers depend on its seed, the prompt and the
 * call's seed alone, so that a run can be repeated; whether a call fails and how long it takes depend on the order of calls.
 * Its answers say `source: "simulated"`.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const model = simulatedModel({ truth: { severity: "high" }, errorRate: 0.2, seed: 7 });
 * ```
 */
export function simulatedModel(options: SimulatedModelOptions = {}, clock: Clock = systemClock): OwnModel {
  const settings = resolveOptions(simulatedModelOptions, options);
  const fortune = seededRandom(settings.seed);
  const answer = async (call: LanguageModelV4CallOptions) => {
    const latencyMs = settings.latencyMs * (0.5 + fortune.next());
    const fails = fortune.next() < settings.failureRate;
    if (latencyMs > 0) await clock.sleep(latencyMs, { signal: call.abortSignal });
    call.abortSignal?.throwIfAborted();
    if (fails) throw Object.assign(new Error("The simulated provider is overloaded."), { statusCode: 503 });
    return toResult(answerText(settings, call), call);
  };
  return {
    specificationVersion: "v4",
    provider: "simulated",
    modelId: settings.modelId,
    source: "simulated",
    takesAnySchema: true,
    doGenerate: answer,
    doStream: async (call) => streamOf(await answer(call)),
  };
}

/** Options that the parameters of a simulated model's name set. */
const parameters: Record<string, keyof SimulatedModelOptions> = {
  error: "errorRate",
  malformed: "malformedRate",
  failure: "failureRate",
  latencyMs: "latencyMs",
  seed: "seed",
  truth: "truth",
};

/**
 * `simulated:<name>?error=0.1&malformed=0.05&failure=0.01&latencyMs=20&seed=7&truth=<JSON>`, every part optional.
 *
 * @throws InvalidOptionsError
 */
export function parseSimulatedModel(reference: string, clock?: Clock | undefined): LanguageModelLike {
  const [modelId, query] = reference.split(/\?(.*)/s, 2);
  const options: Record<string, unknown> = modelId ? { modelId } : {};
  for (const [name, text] of new URLSearchParams(query)) options[optionFor(name, text)] = parseValue(text);
  return simulatedModel(options, clock);
}

function optionFor(name: string, given: string): keyof SimulatedModelOptions {
  const option = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (option) return option;
  const known = Object.keys(parameters);
  const guess = nearest(name, known);
  const allowed = `one of ${known.join(", ")}${guess ? `; did you mean "${guess}"?` : ""}`;
  throw new InvalidOptionsError([{ path: `model: simulated:?${name}`, given, allowed }]);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function answerText(settings: Settings, call: LanguageModelV4CallOptions): string {
  const question = questionOf(call);
  const schema =
    call.responseFormat?.type === "json" ? (call.responseFormat.schema as JSONSchema | undefined) : undefined;
  const chance = seededRandom(hashOf([settings.seed, call.seed ?? 0, userText(call)]));
  const given = typeof settings.truth === "function" ? settings.truth(question) : settings.truth;
  const truth: unknown = given ?? simulatedTruth(question, schema);
  const value = chance.next() < settings.errorRate ? somethingElse(truth, schema, chance) : truth;
  const text = typeof value === "string" && !schema ? value : JSON.stringify(value);
  return chance.next() < settings.malformedRate ? malformed(text, chance) : text;
}

/** Returns the first words of the user: the words after an answer are about that answer, and do not change the truth. */
function questionOf({ prompt }: LanguageModelV4CallOptions): string {
  const answered = prompt.findIndex(({ role }) => role === "assistant");
  return userText({ prompt: answered < 0 ? prompt : prompt.slice(0, answered) });
}

/** Breaks JSON as models do: half of it can be mended, half cannot. */
function malformed(text: string, chance: Random): string {
  if (chance.next() < 0.5) return `Sure! Here is the answer:\n\`\`\`json\n${text}\n\`\`\``;
  return text.slice(0, Math.ceil(text.length / 2));
}

function toResult(whole: string, call: LanguageModelV4CallOptions): LanguageModelV4GenerateResult {
  const text = whole.slice(0, (call.maxOutputTokens ?? Infinity) * charactersPerToken);
  const usage = { inputTokens: tokensOf(JSON.stringify(call.prompt)), outputTokens: tokensOf(text) };
  return {
    content: [{ type: "text", text }],
    finishReason: { unified: text.length < whole.length ? "length" : "stop", raw: undefined },
    usage: fromUsage(usage),
    warnings: [],
  };
}

/** Average of English text. */
const charactersPerToken = 4;

function tokensOf(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}

/** The wrong texts and numbers that a simulation chooses between: mistakes repeat themselves, as a model's do. */
const wrongValues = 8;
/** Below this depth a schema that contains itself gets empty lists, and objects of what they need. */
const deepest = 8;
/** Most parts of a value, and most inside each other: references can ask for more than there is memory for. */
const mostParts = 10_000;
const mostDepth = 200;
/** Range of a schema that sets none. */
const widestRange = 100;

/**
 * Returns the truth of a simulated model that was given none: a value of the schema; a text where there is no schema.
 * Each part is chosen by a hash of the question and of its place, so that it is the same whatever else is asked for.
 * Patterns and formats of texts are not obeyed: give a `truth` for those.
 *
 * @example
 * ```ts
 * simulatedTruth("Is it urgent?", { enum: ["yes", "no"] }); // always the same of the two
 * ```
 */
export function simulatedTruth(question: string, schema: JSONSchema = { type: "string" }): unknown {
  return drawValue(schema, { question, root: schema, path: "", left: { parts: mostParts } }, 0);
}

/** A wrong value of the same kind as the truth. In an object or a list one part errs. */
export function somethingElse(truth: unknown, schema: JSONSchema | undefined, random: Random): unknown {
  const choices = schema?.["enum"] as unknown[] | undefined;
  if (choices)
    return (
      pick(
        choices.filter((choice) => choice !== truth),
        random,
      ) ?? truth
    );
  if (typeof truth === "boolean") return !truth;
  if (typeof truth === "number") return anotherNumber(truth, schema, random);
  if (typeof truth === "string") return `not ${truth} (${1 + wholeBelow(wrongValues, random)})`;
  if (typeof truth !== "object" || truth === null) return truth;
  const wrong = pick(Object.keys(truth), random);
  if (wrong === undefined) return truth;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(truth) ? [...truth] : { ...truth };
  const part = somethingElse((truth as Record<string, unknown>)[wrong], partSchema(schema, wrong), random);
  return Object.assign(copy, { [wrong]: part });
}

/** A 32-bit hash of anything that is JSON (FNV-1a: Fowler, Noll and Vo 1991). */
export function hashOf(value: unknown): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(value))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Place of a value in an answer to a question and a schema. */
interface Place {
  readonly question: string;
  readonly root: JSONSchema;
  readonly path: string;
  /** Parts that the whole value may still have. */
  readonly left: { parts: number };
}

function drawValue(schema: Record<string, any>, place: Place, depth: number): unknown {
  if (depth > mostDepth || --place.left.parts < 0) return null;
  const random = seededRandom(hashOf([place.path, place.question]));
  if (schema["const"] !== undefined) return schema["const"];
  if (schema["enum"]) return pick(schema["enum"], random);
  if (schema["$ref"]) return drawValue(definition(schema["$ref"], place.root), place, depth + 1);
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (alternatives) return drawValue(alternatives[0], place, depth + 1);
  const drawAt = (step: string, part: JSONSchema) =>
    drawValue(part, { ...place, path: `${place.path}/${step}` }, depth + 1);
  switch ([schema["type"]].flat()[0]) {
    case "object": {
      const { properties = {}, required = [] } = schema;
      const drawn = Object.entries<JSONSchema>(properties).filter(
        ([name]) => depth < deepest || required.includes(name),
      );
      return Object.fromEntries(drawn.map(([name, part]) => [name, drawAt(name, part)]));
    }
    case "array":
      return depth < deepest ? [drawAt("0", schema["items"] ?? {})] : [];
    case "boolean":
      return random.next() < 0.5;
    case "number":
    case "integer":
      return lowest(schema) + Math.floor(random.next() * (range(schema) + 1));
    case "null":
      return null;
    default:
      return `simulated ${Math.floor(random.next() * 0x1_0000).toString(16)}`;
  }
}

function anotherNumber(truth: number, schema: JSONSchema | undefined, random: Random): number {
  const span = range(schema);
  const step = 1 + wholeBelow(Math.min(wrongValues, span), random);
  return lowest(schema) + ((truth - lowest(schema) + step) % (span + 1));
}

function lowest(schema: JSONSchema | undefined): number {
  return Math.ceil((schema?.["minimum"] as number | undefined) ?? 0);
}

function range(schema: JSONSchema | undefined): number {
  return Math.min(widestRange, Math.floor((schema?.["maximum"] as number | undefined) ?? Infinity) - lowest(schema));
}

function partSchema(schema: JSONSchema | undefined, name: string): JSONSchema | undefined {
  const properties = schema?.["properties"] as Record<string, JSONSchema> | undefined;
  return properties?.[name] ?? (schema?.["items"] as JSONSchema | undefined);
}

function definition(reference: string, root: JSONSchema): JSONSchema {
  const steps = reference.split("/").slice(1);
  return steps.reduce<any>((at, step) => at?.[step], root) ?? {};
}

function pick<T>(choices: readonly T[], random: Random): T | undefined {
  return choices[wholeBelow(choices.length, random)];
}

function wholeBelow(limit: number, random: Random): number {
  return Math.floor(random.next() * limit);
}
