import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import { acceptEntries } from "../../contract/accept-options.ts";
import { bundleOptions } from "../../contract/bundle-options.ts";
import type { LanguageModelLike } from "../../contract/model.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue, showValue } from "../../core/errors.ts";
import type { JSONObject, JSONSchema, JSONValue } from "../../core/json.ts";
import {
  checkedBy,
  collectOptions,
  declareOptions,
  finiteNumber,
  type NestedOptions,
  nested,
  oneOf,
  type ResolvedOptions,
  text,
  wholeNumber,
} from "../../core/options.ts";
import { rateLimit } from "../../guard/limits.ts";
import { modelPrice } from "../../provider/price-table.ts";
import { resolveSchema } from "../../schema/resolve.ts";
import { PromptBundleTool } from "../../tool/prompt/prompt-bundle-tool.ts";
import { findDataFault } from "../data-fault.ts";
import { CommandError } from "../faults.ts";
import type { SourceDocument } from "./source-document.ts";

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): boolean =>
  isObject(value) && Object.values(value as object).every((text) => typeof text === "string");

/** Options by a name that the user chooses. */
function byName<Entries extends v.ObjectEntries>(options: NestedOptions<Entries>) {
  const allowed = "an object of objects by model";
  return v.pipe(v.record(v.string(), options, allowed), v.metadata({ allowed }));
}

const isPaths = (value: unknown): boolean => {
  const paths = [value].flat();
  return paths.length > 0 && paths.every((path) => typeof path === "string" && path !== "");
};

/** Contents of a tool file: JSON or YAML. */
export const toolFile = declareOptions("ToolFile", "tool", {
  /** Name of the tool in outputs, events and listings. */
  name: text(),
  /** Shown in listings. Default: `"1.0.0"`. */
  version: v.optional(text()),
  /** Shown in listings. */
  description: v.optional(text()),
  /** `provider:model`, such as `openai:gpt-5-mini` or `openai-compatible:http://localhost:11434/v1#llama3.2`. */
  model: v.optional(text('a model, such as "openai:gpt-5-mini"')),
  /** Models in place of `model`, which are asked in turn. */
  models: v.optional(
    checkedBy<readonly string[]>(
      (value) =>
        Array.isArray(value) && value.length > 1 && value.every((each) => typeof each === "string" && each !== ""),
      'a list of two models or more, such as ["openai:gpt-5-mini", "anthropic:claude-haiku-5-5"]',
    ),
  ),
  /** System message, before the prompt. */
  system: v.optional(text()),
  /** Prompt for the model. Each `{{variable}}` is filled in from the input. */
  prompt: text('the text of the prompt, with its variables as "{{name}}"'),
  /** Paths of files that go with the prompt: `"{{path}}"`, or a list. They begin at the folder of the inputs. */
  files: v.optional(checkedBy<string | readonly string[]>(isPaths, 'a path such as "{{path}}", or a list of paths')),
  /** The JSON schema that answers must fit. Without it, an answer is text. */
  schema: v.optional(checkedBy<JSONSchema>(isObject, "a JSON schema")),
  /** Bundle options, where the command line does not set them. */
  defaultOptions: v.optional(nested(bundleOptions.entries)),
  /** Default: the provider's. */
  temperature: v.optional(finiteNumber({ minimum: 0, maximum: 2 })),
  /** Default: what the budget allows, else the provider's. */
  maxOutputTokens: v.optional(wholeNumber({ minimum: 1, unit: "tokens" })),
  /** Handed to the provider as they are, by its name. */
  providerOptions: v.optional(checkedBy<Record<string, JSONObject>>(isObject, "an object of options by provider")),
  /** Name under which the circuit breaker keeps the model's server apart from others. Default: the model's provider. */
  provider: v.optional(text()),
  /** Sent with each call. Their values are hidden from errors, events and logs. */
  headers: v.optional(checkedBy<Record<string, string>>(isTexts, "an object of texts, by the header's name")),
  /** Address of the model's API. Default: the provider's. */
  baseUrl: v.optional(text()),
  /** Environment variable that holds the key. Default: the provider's. */
  apiKeyEnv: v.optional(text()),
  /** `"off"` asks for each answer as if it were the only one. Default: `"auto"`, which pays once for what answers share. */
  reuse: v.optional(oneOf(["auto", "off"])),
  /** Dollars for a million tokens, by the model's name, for models that the catalogue does not know. */
  prices: v.optional(byName(nested(modelPrice.entries))),
  /** Limits by `provider` or `provider:model`, kept before each call. */
  limits: v.optional(byName(nested(rateLimit.entries))),
  /** Precision that accepted answers are to have, as `--right` gives it, and how sure that is to be. */
  accept: v.optional(nested(acceptEntries)),
  /** Model that is asked if an answer is right; `true` is the tool's own. Needs `accept`. */
  verifier: v.optional(
    checkedBy<true | string>(
      (value) => value === true || (typeof value === "string" && value.includes(":")),
      'true, or a model such as "openai:gpt-5-mini"',
    ),
  ),
  /** Model that is asked the same, and whose answer is compared. Needs `accept`. */
  secondModel: v.optional(text('a model, such as "openai:gpt-5-mini"')),
});

/** Contents of a tool file. */
export type ToolDefinition = ResolvedOptions<typeof toolFile>;

/**
 * The definition that a document holds.
 *
 * @throws CommandError naming every fault with its file, line and column
 */
export function readDefinition(document: SourceDocument): ToolDefinition {
  if (!isObject(document.value)) {
    throw document.fault([], `got ${showValue(document.value)}; allowed: an object with name, model and prompt`);
  }
  const { model, models, ...others } = document.value as Partial<Record<string, unknown>>;
  const foreign = Object.keys(configurations).find((key) => Array.isArray(others[key]));
  if (foreign !== undefined) throw document.fault([foreign], `this is ${configurations[foreign]}`);
  const fault = findDataFault(document.value);
  if (fault) throw document.fault(fault.keys, fault.message);
  const issues: OptionIssue[] = [];
  if (model === undefined && models === undefined) {
    const allowed = 'a model, such as "openai:gpt-5-mini", or "models" with several';
    issues.push({ path: `${toolFile.place}.model`, given: undefined, allowed });
  }
  const definition = collectOptions(toolFile, document.value, toolFile.place, issues);
  if (model !== undefined && models !== undefined)
    throw document.fault(["model"], '"model" is given beside "models". Leave one of them out');
  if (definition && issues.length === 0) return definition;
  throw new CommandError(issues.map((issue) => describe(document, issue)).join("\n"));
}

/** Configurations of other programs, by a list that only they have. */
const configurations: Readonly<Record<string, string>> = {
  providers: "a configuration of promptfoo, not a tool file. docs/guide/coming-from.md#promptfoo shows it as one",
  model_list: "a configuration of LiteLLM, not a tool file. docs/guide/coming-from.md#litellm shows it as tools",
};

function describe(document: SourceDocument, { path, given, allowed, message }: OptionIssue): string {
  const name = path.slice(path.indexOf(".") + 1);
  const keys = keysOf(name, document.value);
  const isMisplaced = !Object.hasOwn(toolFile.entries, name) && Object.hasOwn(bundleOptions.entries, name);
  if (isMisplaced)
    return document.fault(keys, `${name} is not a key at this level. Move it to defaultOptions.${name}.`).message;
  if (given === undefined) return document.fault(keys, `"${name}" is missing: ${allowed}`).message;
  return document.fault(keys, faultAt(name, { path, given, allowed, message })).message;
}

/** The keys of a place such as `limits.openai:gpt-4.1.rpm`: a key of the file may have dots in it. */
function keysOf(place: string, value: unknown): string[] {
  const known = isObject(value) ? Object.keys(value as object) : [];
  const key = known.find((name) => place === name || place.startsWith(`${name}.`));
  if (key === undefined) return place.split(".");
  const rest = place.slice(key.length + 1);
  return rest === "" ? [key] : [key, ...keysOf(rest, (value as Record<string, unknown>)[key])];
}

/** Describes a fault under the name that its place has in the file. */
function faultAt(name: string, { path, given, allowed, message }: OptionIssue): string {
  const inFile = message?.startsWith(path) ? name + message.slice(path.length) : message;
  return inFile ?? `${name}: got ${showValue(given)}; allowed: ${allowed}${quoteAdvice(given, allowed)}`;
}

/** Says what turns a value of YAML that is no text into one: `1.0`, and `{{name}}`, which YAML reads as an object. */
function quoteAdvice(given: unknown, allowed: string): string {
  if (!/^(a|the) (text|path)\b/.test(allowed)) return "";
  if (isObject(given) && /^\{ .* \}$/.test(Object.keys(given as object)[0] ?? "")) return '. Quote it: "{{name}}"';
  return typeof given === "number" || typeof given === "boolean" ? ". Quote it" : "";
}

/**
 * Checks the JSON schemas of a definition, so that a fault in one is found before anything is asked.
 *
 * @throws CommandError naming every fault with its file, line and column
 */
export async function assertDefinedSchema(document: SourceDocument, definition: ToolDefinition): Promise<void> {
  const schemas = { schema: definition.schema, "defaultOptions.schema": definition.defaultOptions?.schema };
  for (const [place, schema] of Object.entries(schemas)) {
    try {
      await resolveSchema(schema, place);
    } catch (error) {
      if (!InvalidOptionsError.isInstance(error)) throw error;
      const faults = error.issues.map((issue) => {
        const keys = issue.path
          .split("/")
          .slice(1)
          .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
        const fault = faultAt([place, ...keys].join("."), issue);
        return document.fault([...place.split("."), ...keys], fault).message;
      });
      throw new CommandError(faults.join("\n"), { cause: error });
    }
  }
}

/** Names of the models that a definition asks. */
export function namesIn({ model, models = [] }: ToolDefinition): readonly string[] {
  return model === undefined ? models : [model];
}

/**
 * Returns the tool that a definition describes.
 *
 * @param options.model asked in place of its own
 * @param options.folder in which relative paths of files begin
 */
export function toTool(
  { files, ...definition }: ToolDefinition,
  { model, folder = "." }: { model?: LanguageModelLike | undefined; folder?: string | undefined } = {},
): AnyTool {
  const schema = definition.schema as unknown as StandardSchemaV1<unknown, JSONValue> | undefined;
  const { limits: _limits, accept: _accept, verifier: _verifier, secondModel: _second, ...options } = definition;
  const tool = new PromptBundleTool<string, JSONValue>({
    ...options,
    schema,
    ...(files !== undefined && { files: { paths: files, from: folder } }),
  });
  return model === undefined ? tool : tool.withModel(model);
}
