import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnswerOf, AnswerSchema, EffectSchema, SchemaMistake } from "../../contract/answer-schema.ts";
import type { ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import type { BundleOptions, ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type {
  EvidenceSource,
  LanguageModelLike,
  ModelMistake,
  ModelName,
  PromptMessage,
} from "../../contract/model.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import type { JSONSchema } from "../../core/json.ts";
import { lazily } from "../../core/lazily.ts";
import { assertSchema } from "../../schema/assert-schema.ts";
import type { DescribedSchema } from "../../schema/resolve.ts";
import { BundleTool } from "../bundle/bundle-tool.ts";
import type { ReplicateBound } from "../bundle/replicate-source.ts";
import { describeTool } from "../define-tool.ts";
import type { ModelAsker } from "./model-asker.ts";
import { type ModelReference, modelIdOf, providerOf, sourceOf } from "./model-reference.ts";
import {
  type AnswerCheck,
  assertPromptOptions,
  type PromptBundleToolOptions,
  type PromptSettings,
} from "./prompt-options.ts";
import { fillTemplate, inputOf, type PromptVariables, templatesOf, templateVariables } from "./prompt-template.ts";

const loadModelAsker = lazily(() => import("./model-asker.ts"));
const loadPromptFiles = lazily(() => import("./prompt-files.ts"));

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
    const S extends AnswerSchema | EffectSchema | undefined = AnswerSchema | undefined,
    // Editors complete by the default.
    const M extends ModelName | LanguageModelLike | undefined = ModelName | LanguageModelLike | undefined,
    const Ms extends readonly (ModelName | LanguageModelLike)[] = readonly (ModelName | LanguageModelLike)[],
  >(
    options: PromptSettings<P, Name, Read, Request> & {
      /**
       * A model's name (`"openai:gpt-5-mini"`, `"openai-compatible:<base URL>#<model>"`, `"recorded:<file>"`,
       * `"simulated:…"`), or a model object.
       */
      model?: M & ModelMistake<M>;
      /**
       * Models in place of `model`: replicates are asked of them in turn, and their answers vote together. Where one
       * cannot answer, its turns go to the others.
       */
      models?: { readonly [I in keyof Ms]: Ms[I] & ModelMistake<Ms[I]> } | undefined;
      /** Standard Schema or JSON schema of the answer. Left out, the answer is text. */
      schema?: (S & SchemaMistake<S>) | undefined;
      /**
       * Says why an answer that fits the schema cannot be right: a sum that does not add up, a quotation that is not in the
       * text. It returns the reason, or `false`; a refused answer does not vote, and its reason goes to the model, which answers
       * once more. A number ranks the answer instead: of K answers the one with the highest is given (best of N).
       */
      check?: AnswerCheck<NoInfer<Answer<T, S>>, NoInfer<Read>> | undefined;
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
  /** @internal */
  declare readonly judgeAnswer?: (answer: any, request: any) => Promise<string | number | undefined>;

  constructor(options: PromptBundleToolOptions<any, T, Name>) {
    super();
    assertPromptOptions(options);
    if (options.schema !== undefined) assertSchema(options.schema, "PromptBundleTool(…).schema");
    this.name = options.name;
    setQuestion(this, options);
    const { version, description } = options;
    const { model } = this.modelQuestion.options;
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
    if (options.check) Object.assign(this, { judgeAnswer: verdictBy(options.check) });
  }

  /** The model's name; of several all names, in alphabetical order. */
  override get modelId(): string {
    return modelsOf(this.modelQuestion).map(modelIdOf).sort().join(", ");
  }

  /** Origin of the answers: of models of several origins the one that says least of a live model. */
  override get source(): EvidenceSource {
    const sources = modelsOf(this.modelQuestion).map(sourceOf);
    return (["simulated", "recorded"] as const).find((source) => sources.includes(source)) ?? "live";
  }

  /** Tools of the models that are asked in turn; `undefined` of a tool of one model. */
  get members(): readonly this[] | undefined {
    const { models } = this.modelQuestion.options;
    return models?.map((model) => this.withModel(model));
  }

  /** A prompt's function may give another text at every call; its source stays the same until it is edited. */
  get promptIdentity(): unknown {
    const { system, prompt, files } = this.modelQuestion.options;
    return { system, prompt: String(prompt), ...(files !== undefined && { files: templatesOf(files) }) };
  }

  private get asksAsItIs(): boolean {
    return this.executeReplicate === ModelTool.prototype.executeReplicate;
  }

  /** A subclass that asks in its own way may decide answers by what is not told here. */
  async answerIdentity(request: Request, schema: JSONSchema | undefined): Promise<unknown> {
    const { options } = this.modelQuestion;
    const isFree = typeof options.model === "string" && this.source !== "live";
    if (!this.asksAsItIs || options.reuse === "off" || isFree) return undefined;
    const asker = await askerOf(this.modelQuestion);
    const identity = await asker.identity(await withFiles(this.modelQuestion, request), schema);
    return identity && { version: this.version, ...identity };
  }

  /** The model, the first of several. */
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
    return (await askerOf(this.modelQuestion)).bound(messages, options, context, !this.asksAsItIs);
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
    setQuestion(tool, { ...options, models: undefined, model, ...access });
    if (this.provider === providerOf(options.model, options.baseUrl))
      describeTool(tool, { provider: providerOf(model, access.baseUrl) });
    return tool;
  }
}

/** Makes tools of a prompt: see the type of this name. */
export const PromptBundleTool = ModelTool as unknown as PromptBundleToolConstructor;
Object.defineProperty(PromptBundleTool, "name", { value: "PromptBundleTool" });

function verdictBy(check: AnswerCheck<any, any>) {
  return async (answer: unknown, request: unknown): Promise<string | number | undefined> => {
    const verdict = await check(answer, request);
    if (verdict === false || verdict === "") return "the answer cannot be right";
    if (typeof verdict === "number" && !Number.isFinite(verdict))
      throw new TypeError(
        `check gave ${verdict} as the rank of an answer. Give a finite number, or the reason why the answer cannot be right.`,
      );
    return typeof verdict === "string" || typeof verdict === "number" ? verdict : undefined;
  };
}

/** Options of a prompt tool, and the asker made of them. `model` is the first of `models`. */
interface Question {
  readonly options: PromptBundleToolOptions<any, any, string> & { readonly model: ModelReference };
  asker?: Promise<ModelAsker>;
}

/** Not enumerable: a model object may hold a key. */
function setQuestion(tool: object, given: PromptBundleToolOptions<any, any, string>): void {
  const model = (given.model ?? given.models?.[0]) as ModelReference;
  const options = { ...given, model };
  Object.defineProperty(tool, "modelQuestion", { value: { options } satisfies Question, configurable: true });
}

function modelsOf({ options: { model, models = [model] } }: Question): readonly ModelReference[] {
  return models;
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
  { files, model, models = model === undefined ? [] : [model], baseUrl }: PromptBundleToolOptions<any, any, string>,
  schema: StandardSchemaV1<any, any> | undefined,
): DescribedSchema {
  const templates = files === undefined ? [] : templatesOf(files);
  const path = templates.flatMap(templateVariables).slice(0, 1);
  return {
    describedBy: schema,
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
          for (const model of models) {
            const fault = await faultOfFile(file, `${providerOf(model, baseUrl)} ${modelIdOf(model)}`);
            if (fault !== undefined) return { issues: [{ message: fault, path }] };
          }
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

/** Returns what asks the model of a prompt tool; `undefined` of another tool. */
export async function askerFor(tool: object): Promise<ModelAsker | undefined> {
  const { modelQuestion } = tool as { modelQuestion?: Question };
  return modelQuestion && askerOf(modelQuestion);
}

/** Access and prices for another model that is asked about the answers of a tool; none where it is not a prompt tool. */
export function accessFor(tool: object, model: ModelReference) {
  const { options } = ((tool as { modelQuestion?: Question }).modelQuestion ?? {}) as Partial<Question>;
  return options && { ...accessOf(options, model), prices: options.prices };
}

/** A key and an address belong to their provider: another one must not be sent them. */
function accessOf(
  { model, headers, baseUrl, apiKeyEnv }: Question["options"],
  other: ModelReference,
): Pick<PromptBundleToolOptions<any, any, any>, "headers" | "baseUrl" | "apiKeyEnv"> {
  const isSame = typeof model === "string" && typeof other === "string" && providerOf(model) === providerOf(other);
  return isSame ? { headers, baseUrl, apiKeyEnv } : { headers: undefined, baseUrl: undefined, apiKeyEnv: undefined };
}
