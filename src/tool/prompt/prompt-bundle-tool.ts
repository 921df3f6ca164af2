import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnswerOf, AnswerSchema, JsonSchemaObject, SchemaMistake } from "../../contract/answer-schema.ts";
import type { ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import { type BundleOptions, bundleOptions, type ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type {
  EvidenceSource,
  LanguageModelLike,
  ModelMistake,
  ModelName,
  PromptMessage,
} from "../../contract/model.ts";
import { bundleToolPlaces } from "../../contract/option-places.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../../core/errors.ts";
import type { JSONObject } from "../../core/json.ts";
import { lazily } from "../../core/lazily.ts";
import { assertKnownOptions, collectOptions } from "../../core/options.ts";
import { faultsInPrices, type PriceTable } from "../../provider/price-table.ts";
import { assertSchema } from "../../schema/assert-schema.ts";
import { BundleTool } from "../bundle/bundle-tool.ts";
import type { ReplicateBound } from "../bundle/replicate-source.ts";
import { describeTool } from "../define-tool.ts";
import type { ModelAsker } from "./model-asker.ts";
import { type ModelReference, modelIdOf, providerOf, sourceOf } from "./model-reference.ts";
import {
  fillTemplate,
  inputOf,
  type PromptFiles,
  type PromptVariables,
  templatesOf,
  templateVariables,
} from "./prompt-template.ts";

const loadModelAsker = lazily(() => import("./model-asker.ts"));
const loadPromptFiles = lazily(() => import("./prompt-files.ts"));

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
  model: string | LanguageModelLike;
  /** Standard Schema or JSON schema of the answer. Left out, the answer is text. */
  schema?: StandardSchemaV1<any, T> | JsonSchemaObject | undefined;
}

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
  /** Dollars for a million tokens, by the model's name, for models that the catalogue does not know or that cost you something else. */
  prices?: PriceTable | undefined;
  /** Shown in listings. Default: `"1.0.0"`. */
  version?: string | undefined;
  /** Shown in listings. Default: `""`. */
  description?: string | undefined;
}

/**
 * The tool most users need: a prompt, a model, a schema. Asks up to `k` times, as few as the answer allows.
 *
 * @example
 * ```ts
 * const triage = new PromptBundleTool({
 *   name: "triage",
 *   model: "openai:gpt-5-mini",
 *   prompt: "Report:\n{{report}}",
 *   schema: z.object({ severity: z.enum(["low", "high"]), component: z.string() }),
 *   defaultOptions: { k: 5 },
 * });
 * ```
 */
export interface PromptBundleTool<
  P extends string = string,
  T = string,
  Name extends string = string,
  Request = PromptVariables<P>,
> extends ModelTool<T, Name, Request> {}

/** Constructor of prompt tools. The type of the answer comes from the schema, where it is not named. */
export interface PromptBundleToolConstructor {
  /** @throws InvalidOptionsError naming every option that is unknown or cannot be used, and slips of the schema */
  new <
    const P extends string = string,
    T = Inferred,
    const Name extends string = string,
    Read = PromptVariables<P>,
    Request = Read,
    const S extends AnswerSchema | undefined = AnswerSchema | undefined,
    const M extends ModelName | LanguageModelLike | (string & {}) = string | LanguageModelLike,
  >(
    options: PromptSettings<P, Name, Read, Request> & {
      /**
       * A model's name (`"openai:gpt-5-mini"`, `"openai-compatible:<base URL>#<model>"`, `"recorded:<file>"`,
       * `"simulated:…"`), or a model object.
       */
      model: M & ModelMistake<M>;
      /** Standard Schema or JSON schema of the answer. Left out, the answer is text. */
      schema?: (S & SchemaMistake<S>) | undefined;
    },
  ): PromptBundleTool<P, Answer<T, S>, Name, Request>;
  readonly prototype: PromptBundleTool<any, any, any, any>;
}

/** Stands for a type parameter that the caller does not name. */
declare const inferred: unique symbol;
type Inferred = typeof inferred;
type Answer<T, S> = 0 extends T & 1 ? T : [T] extends [Inferred] ? AnswerOf<S> : T;

class ModelTool<T, Name extends string, Request> extends BundleTool<Request, T> {
  readonly name: Name;
  /** An ordinary property, not `#question`: a copy of a subclass's tool could not have that. */
  declare private readonly modelQuestion: Question;

  constructor(options: PromptBundleToolOptions<any, T, Name>) {
    super();
    assertOptions(options);
    if (options.schema !== undefined) assertSchema(options.schema, "PromptBundleTool(…).schema");
    this.name = options.name;
    setQuestion(this, options);
    const { version, description, model } = options;
    describeTool(this, { version, description, provider: options.provider ?? providerOf(model, options.baseUrl) });
    const { schema: answers = options.schema, schemaUri } = options.defaultOptions ?? {};
    const isText = answers === undefined && schemaUri === undefined;
    const defaultOptions: BundleOptions = {
      ...options.defaultOptions,
      ...(options.schema && { schema: options.schema }),
      ...(isText && { compare: { text: true, ...options.defaultOptions?.compare } }),
    };
    Object.assign(this, { defaultOptions });
    const templates = options.files === undefined ? [] : templatesOf(options.files);
    const schema = inputOf(options, templates);
    const inputSchema = templates.length > 0 ? checkFiles(options, schema) : schema;
    if (inputSchema) Object.assign(this, { inputSchema });
  }

  override get modelId(): string {
    return modelIdOf(this.modelQuestion.options.model);
  }

  override get source(): EvidenceSource {
    return sourceOf(this.modelQuestion.options.model);
  }

  /** A prompt's function may give another text at every call; its source stays the same until it is edited. */
  get promptIdentity(): unknown {
    const { system, prompt, files } = this.modelQuestion.options;
    return { system, prompt: String(prompt), ...(files !== undefined && { files: templatesOf(files) }) };
  }

  get model(): string | LanguageModelLike {
    return this.modelQuestion.options.model;
  }

  /** The texts of the prompt, without images and files. */
  questionText(request: Request): string {
    return messagesFor(this.modelQuestion, request).flatMap(textsOf).join("\n\n");
  }

  override get asksForFields(): boolean {
    return true;
  }

  override async boundReplicates(
    request: Request,
    options: ResolvedBundleOptions,
    context: ToolContext,
  ): Promise<ReplicateBound> {
    warnOfUnusedRequest(this.modelQuestion, request as object, context);
    const messages = await withFiles(this.modelQuestion, request);
    return (await askerOf(this.modelQuestion)).bound(messages, options, context);
  }

  override async executeReplicate(
    request: Request,
    replicate: ReplicateSpec,
    context: ReplicateContext,
  ): Promise<ReplicateResult<T>> {
    const asker = await askerOf(this.modelQuestion);
    return (await asker.ask(await withFiles(this.modelQuestion, request), replicate, context)) as ReplicateResult<T>;
  }

  /**
   * The same tool over another model, with all that a subclass adds to it: its methods, and a copy of its fields. Fields
   * that JavaScript keeps private (`#name`) cannot be copied; a subclass that has some overrides `withModel` too.
   */
  override withModel(model: string | LanguageModelLike): this {
    const { options } = this.modelQuestion;
    const tool = Object.create(Object.getPrototypeOf(this), Object.getOwnPropertyDescriptors(this)) as this;
    const access = accessOf(options, model);
    setQuestion(tool, { ...options, model, ...access });
    if (this.provider === providerOf(options.model, options.baseUrl))
      describeTool(tool, { provider: providerOf(model, access.baseUrl) });
    return tool;
  }
}

/** Makes tools of a prompt: see the type of this name. */
export const PromptBundleTool = ModelTool as unknown as PromptBundleToolConstructor;
Object.defineProperty(PromptBundleTool, "name", { value: "PromptBundleTool" });

const place = "PromptBundleTool(…)";

/** By option: its check, and what may stand there. */
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
  model: [
    (value) => isText(value) || isObject(value) || typeof value === "function",
    'a model: "openai:gpt-5-mini", or a model object',
  ],
  system: [(value) => typeof value === "string", "a text"],
  prompt: [
    (value) => isText(value) || typeof value === "function",
    "a text with {{variables}}, or a function that gives one",
  ],
  files: [arePaths, 'a path such as "{{path}}", a list of paths, or { paths, from }'],
  schema: [(value) => isObject(value) || typeof value === "function", "a JSON schema object or a Standard Schema"],
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
  prices: [isObject, "an object of prices by model"],
  version: [(value) => typeof value === "string", "a text"],
  description: [(value) => typeof value === "string", "a text"],
};
const needed = new Set(["name", "model", "prompt"]);

function assertOptions(options: unknown): void {
  if (!isObject(options))
    throw new InvalidOptionsError([{ path: place, given: options, allowed: "an object of options" }]);
  const given = options as Record<string, unknown>;
  assertKnownOptions(given, Object.keys(optionChecks), place, bundleToolPlaces);
  const issues: OptionIssue[] = [];
  for (const [name, [check, allowed]] of Object.entries(optionChecks)) {
    const value = given[name];
    if (value === undefined ? needed.has(name) : !check(value))
      issues.push({ path: `${place}.${name}`, given: value, allowed });
  }
  if (isObject(given["prices"])) issues.push(...faultsInPrices(given["prices"], `${place}.prices`));
  if (isObject(given["defaultOptions"]))
    collectOptions(bundleOptions, given["defaultOptions"], `${place}.defaultOptions`, issues);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
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

/** Options of a prompt tool, and the asker made of them. */
interface Question {
  readonly options: PromptBundleToolOptions<any, any, string>;
  asker?: Promise<ModelAsker>;
}

/** Not enumerable: a model object may hold a key. */
function setQuestion(tool: object, options: PromptBundleToolOptions<any, any, string>): void {
  Object.defineProperty(tool, "modelQuestion", { value: { options } satisfies Question, configurable: true });
}

function askerOf(question: Question): Promise<ModelAsker> {
  question.asker ??= loadModelAsker().then(({ ModelAsker }) => new ModelAsker(question.options));
  return question.asker;
}

function messagesFor({ options: { prompt: template, system } }: Question, request: unknown): PromptMessage[] {
  const prompt =
    typeof template === "string" ? fillTemplate(template, request as Record<string, unknown>) : template(request);
  const asked: readonly PromptMessage[] =
    typeof prompt === "string" ? [{ role: "user", content: [{ type: "text", text: prompt }] }] : prompt;
  return system === undefined ? [...asked] : [{ role: "system", content: system }, ...asked];
}

/** Returns the messages, with the files that the request names behind the user's last text. */
async function withFiles(question: Question, request: unknown): Promise<PromptMessage[]> {
  const messages = messagesFor(question, request);
  const { files } = question.options;
  if (files === undefined) return messages;
  const { pathsOf, readFileParts } = await loadPromptFiles();
  const parts = await readFileParts(pathsOf(files, request as object));
  const last = messages.findLastIndex(({ role }) => role === "user");
  const message = messages[last];
  if (message?.role !== "user") return [...messages, { role: "user", content: parts }];
  const { content } = message;
  const before = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  return messages.with(last, { ...message, content: [...before, ...parts] });
}

/** Looks at the files of a request before anything is asked. */
function checkFiles(
  { files, model, baseUrl }: PromptBundleToolOptions<any, any, string>,
  schema: StandardSchemaV1<any, any> | undefined,
): StandardSchemaV1<any, any> {
  const templates = files === undefined ? [] : templatesOf(files);
  const path = templates.flatMap(templateVariables).slice(0, 1);
  return {
    "~standard": {
      version: 1,
      vendor: "steer-llm-sdk",
      async validate(request: unknown) {
        const read: StandardSchemaV1.Result<any> = schema
          ? await schema["~standard"].validate(request)
          : { value: request };
        if (read.issues || files === undefined || typeof read.value !== "object" || read.value === null) return read;
        const { faultOfFile, pathsOf } = await loadPromptFiles();
        for (const file of pathsOf(files, read.value)) {
          const fault = await faultOfFile(file, `${providerOf(model, baseUrl)} ${modelIdOf(model)}`);
          if (fault !== undefined) return { issues: [{ message: fault, path }] };
        }
        return read;
      },
    },
  };
}

/** Warns of a request that a prompt without variables leaves out, and of `{report}` that was meant as `{{report}}`. */
function warnOfUnusedRequest({ options: { prompt, files } }: Question, request: object, { events }: ToolContext): void {
  if (typeof prompt !== "string" || typeof request !== "object" || request === null || files !== undefined) return;
  const names = Object.keys(request);
  if (names.length === 0 || templateVariables(prompt).length > 0) return;
  const slip = names.find((name) => prompt.includes(`{${name}}`));
  const meant = slip === undefined ? `Write {{${names[0]}}} where it belongs.` : `Write {{${slip}}} for {${slip}}.`;
  const message = `The prompt has no {{variable}}, so that ${names.join(", ")} of the request never reach the model. ${meant}`;
  events.emit("warning", { code: "unused_request", message });
}

function textsOf({ content }: PromptMessage): string[] {
  if (typeof content === "string") return [content];
  return Array.isArray(content) ? content.flatMap((part) => (typeof part?.text === "string" ? [part.text] : [])) : [];
}

/** A key and an address belong to their provider: another one must not be sent them. */
function accessOf(
  { model, headers, baseUrl, apiKeyEnv }: PromptBundleToolOptions<any, any, any>,
  other: ModelReference,
): Pick<PromptBundleToolOptions<any, any, any>, "headers" | "baseUrl" | "apiKeyEnv"> {
  const isSame = typeof model === "string" && typeof other === "string" && providerOf(model) === providerOf(other);
  return isSame ? { headers, baseUrl, apiKeyEnv } : { headers: undefined, baseUrl: undefined, apiKeyEnv: undefined };
}
