import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonSchemaObject } from "../../contract/answer-schema.ts";
import { type BundleOptions, bundleOptions } from "../../contract/bundle-options.ts";
import type { LanguageModelLike, PromptMessage } from "../../contract/model.ts";
import { bundleToolPlaces } from "../../contract/option-places.ts";
import { InvalidOptionsError, type OptionIssue } from "../../core/errors.ts";
import type { JSONObject } from "../../core/json.ts";
import { assertKnownOptions, collectOptions } from "../../core/options.ts";
import { faultsInPrices, type PriceTable } from "../../provider/price-table.ts";
import { providerOf } from "./model-reference.ts";
import type { PromptFiles, PromptVariables } from "./prompt-template.ts";

/** Options of a prompt tool. */
export interface PromptBundleToolOptions<
  P extends string,
  T,
  Name extends string,
  Read = PromptVariables<P>,
  Request = Read,
> extends PromptSettings<P, Name, Read, Request> {
  /**
   * A model's name (`"openai:gpt-5-mini"`, `"openai-compatible:<base URL>#<model>"`, `"recorded:<file>"`, `"simulated:…"`),
   * or a model object.
   */
  model?: string | LanguageModelLike | undefined;
  /** Models in place of `model`, which are asked in turn. */
  models?: readonly (string | LanguageModelLike)[] | undefined;
  /** Standard Schema or JSON schema of the answer. Left out, the answer is text. */
  schema?: StandardSchemaV1<any, T> | JsonSchemaObject | undefined;
  /** Says why an answer that fits the schema cannot be right. */
  check?: AnswerCheck<T, Read> | undefined;
}

/**
 * Says why an answer cannot be right: the reason, or `false` where there is none to tell; anything else lets it pass. A
 * refused answer does not vote. Its reason goes to the model, which answers once more. A number ranks the answer among the
 * others: the highest is given, whatever the votes say.
 */
export type AnswerCheck<T, Request> = {
  // A method, whose parameters TypeScript compares both ways: options of a tool whose answers are not known can be passed on.
  check(answer: T, request: Request): Verdict | PromiseLike<Verdict>;
}["check"];

type Verdict = boolean | string | number | undefined;

/** Options of a prompt tool beside its model and its schema. */
export interface PromptSettings<P extends string, Name extends string, Read, Request> {
  /** Name of the tool in outputs, events and listings. */
  name: Name;
  /** Standard Schema of the request, which checks and types it. Left out, the prompt's variables type it. */
  input?: StandardSchemaV1<Request, Read> | undefined;
  /** System message, before the prompt. */
  system?: string | undefined;
  /**
   * Text whose `{{variables}}` type the request, or a function of the request that gives text or messages, images and files
   * included. `{{report.title}}` reads inside an object.
   */
  prompt: P | ((request: Read) => string | readonly PromptMessage[]);
  /**
   * Paths of files that go with the prompt, such as `"{{path}}"`: texts as text, images and PDFs as files. A variable may
   * hold a list of paths. Relative paths begin at the current folder, or at `from`.
   */
  files?: PromptFiles | undefined;
  /** Bundle options of every run, where the run does not say otherwise. */
  defaultOptions?: BundleOptions | undefined;
  /** Default: the provider's. */
  temperature?: number | undefined;
  /** Default: what the remaining budget allows, else the provider's. */
  maxOutputTokens?: number | undefined;
  /** Handed to the provider as they are, by its name. */
  providerOptions?: Record<string, JSONObject> | undefined;
  /** Name under which the circuit breaker keeps the model's server apart from others. Default: the provider of the model. */
  provider?: string | undefined;
  /** Sent with each call of a model that is named by text. Their values are hidden from errors, events and logs. */
  headers?: Record<string, string> | undefined;
  /** Address of the API of a model that is named by text. Default: the provider's. */
  baseUrl?: string | undefined;
  /** Environment variable that holds the key of a model that is named by text. Default: the provider's. */
  apiKeyEnv?: string | undefined;
  /**
   * Pays once for what answers have in common, where the provider allows it (default, `"auto"`): a prompt in its cache, several
   * answers in one request, answers that are there already. `"off"` asks for each answer as if it were the only one.
   */
  reuse?: "auto" | "off" | undefined;
  /** Dollars for a million tokens, by the model's name, for models that the catalogue does not know or that cost you something else. */
  prices?: PriceTable | undefined;
  /** Shown in listings. Default: `"1.0.0"`. */
  version?: string | undefined;
  /** Shown in listings. Default: `""`. */
  description?: string | undefined;
}

const place = "PromptBundleTool(…)";

/** Check of each option, and what may stand there. */
const optionChecks: Readonly<
  Record<
    keyof PromptBundleToolOptions<string, unknown, string>,
    readonly [check: (value: unknown) => boolean, allowed: string]
  >
> = {
  name: [isText, "a text"],
  input: [
    (value) => (isObject(value) || typeof value === "function") && "~standard" in (value as object),
    "a Standard Schema (zod, valibot, arktype) of the request",
  ],
  model: [isModel, 'a model: "openai:gpt-5-mini", or a model object'],
  models: [
    (value) => Array.isArray(value) && value.length > 1 && value.every(isModel),
    'two models or more: ["openai:gpt-5-mini", "anthropic:claude-haiku-5-5"]',
  ],
  system: [(value) => typeof value === "string", "a text"],
  prompt: [
    (value) => isText(value) || typeof value === "function",
    "a text with {{variables}}, or a function that gives one",
  ],
  files: [arePaths, 'a path such as "{{path}}", a list of paths, or { paths, from }'],
  schema: [(value) => isObject(value) || typeof value === "function", "a JSON schema object or a Standard Schema"],
  check: [(value) => typeof value === "function", "a function of an answer and its request"],
  defaultOptions: [isObject, "an object of bundle options, such as { k: 5 }"],
  temperature: [(value) => Number.isFinite(value) && (value as number) >= 0, "a number of at least 0"],
  maxOutputTokens: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number of at least 1"],
  providerOptions: [
    (value) => isObject(value) && Object.values(value as object).every(isObject),
    "an object of objects, by provider",
  ],
  provider: [isText, "a text"],
  headers: [
    (value) => isObject(value) && Object.values(value as object).every((text) => typeof text === "string"),
    "an object of texts",
  ],
  baseUrl: [
    (value) => typeof value === "string" && /^https?:\/\/./.test(value),
    'an address such as "http://localhost:8000/v1"',
  ],
  apiKeyEnv: [isText, "the name of an environment variable"],
  reuse: [(value) => value === "auto" || value === "off", '"auto" or "off"'],
  prices: [isObject, "an object of prices by model"],
  version: [(value) => typeof value === "string", "a text"],
  description: [(value) => typeof value === "string", "a text"],
};
const needed = new Set(["name", "prompt"]);

/**
 * Checks the options of a prompt tool.
 *
 * @throws InvalidOptionsError naming every option that is unknown or cannot be used
 */
export function assertPromptOptions(options: unknown): void {
  if (!isObject(options))
    throw new InvalidOptionsError([{ path: place, given: options, allowed: "an object of options" }]);
  const given = options as Record<string, unknown>;
  assertKnownOptions(given, Object.keys(optionChecks), place, bundleToolPlaces);
  const issues: OptionIssue[] = [];
  for (const [name, [check, allowed]] of Object.entries(optionChecks)) {
    const value = given[name];
    const isNeeded = needed.has(name) || (name === "model" && given["models"] === undefined);
    if (value === undefined ? isNeeded : !check(value))
      issues.push({ path: `${place}.${name}`, given: value, allowed });
  }
  issues.push(...faultsOfSeveral(given));
  issues.push(...countsIn(given["providerOptions"]));
  if (isObject(given["prices"])) issues.push(...faultsInPrices(given["prices"], `${place}.prices`));
  if (isObject(given["defaultOptions"]))
    collectOptions(bundleOptions, given["defaultOptions"], `${place}.defaultOptions`, issues);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

/** Options of one model's access beside several models, which would send the key of one provider to another. */
const accessNames = ["headers", "baseUrl", "apiKeyEnv"];

function faultsOfSeveral({ model, models, ...given }: Record<string, unknown>): OptionIssue[] {
  if (!Array.isArray(models)) return [];
  const issues: OptionIssue[] = [];
  if (model !== undefined) {
    const message = `${place}.model is given beside models. Leave one of them out.`;
    issues.push({ path: `${place}.model`, given: model, allowed: "nothing", message });
  }
  const providers = new Set(models.filter(isModel).map((each) => providerOf(each as string | LanguageModelLike)));
  if (providers.size < 2) return issues;
  for (const name of accessNames.filter((each) => given[each] !== undefined)) {
    const message = `${place}.${name} would go to ${[...providers].join(" and ")}, and belongs to one of them. Give a model object in models that has it.`;
    issues.push({ path: `${place}.${name}`, given: given[name], allowed: "nothing", message });
  }
  return issues;
}

function isModel(value: unknown): boolean {
  return isText(value) || isObject(value) || typeof value === "function";
}

/** Options by which a vendor's API gives several answers to one request: a bundle asks by itself, and counts each of them. */
const countNames = ["n", "candidateCount", "candidate_count"];

function countsIn(providerOptions: unknown): OptionIssue[] {
  const all = isObject(providerOptions) ? Object.entries(providerOptions as object) : [];
  return all.flatMap(([provider, options]) =>
    countNames
      .filter((name) => isObject(options) && name in options)
      .map((name) => {
        const path = `${place}.providerOptions.${provider}.${name}`;
        const message = `${path} is done already: a bundle asks for several answers in one request where the server takes that. Set k, and leave ${name} out.`;
        return { path, given: options[name], allowed: "nothing", message };
      }),
  );
}

function arePaths(value: unknown): boolean {
  if (isObject(value)) {
    const { paths, from, ...others } = value as Record<string, unknown>;
    return isText(from) && !isObject(paths) && arePaths(paths) && Object.keys(others).length === 0;
  }
  return Array.isArray(value) ? value.length > 0 && value.every(isText) : isText(value);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
