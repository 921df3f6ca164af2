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
import { fromUsage } from "./model-usage.ts";
import { userText } from "./recorded-answers.ts";
import type { OwnModel } from "./response-format.ts";
import { hashOf, simulatedTruth, somethingElse } from "./simulated-truth.ts";
import { streamOf } from "./stream-of.ts";

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

/** How a simulated model answers. */
export interface SimulatedModelOptions extends OptionsInput<typeof simulatedModelOptions> {}

type Settings = ReturnType<typeof resolveOptions<typeof simulatedModelOptions>>;

/**
 * A model that is none: it knows the truth and errs at a given rate. What it answers depends on its seed, the prompt and the
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

/** What each parameter of a simulated model's name sets. */
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

/** What the user said first: what follows an answer is about that answer, and does not change the truth. */
function questionOf({ prompt }: LanguageModelV4CallOptions): string {
  const answered = prompt.findIndex(({ role }) => role === "assistant");
  return userText({ prompt: answered < 0 ? prompt : prompt.slice(0, answered) });
}

/** What models do to JSON: half of it can be mended, half cannot. */
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

/** Of English text, about. */
const charactersPerToken = 4;

function tokensOf(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}
