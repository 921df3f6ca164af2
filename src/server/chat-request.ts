import * as v from "valibot";
import type { PromptMessage } from "../contract/model.ts";
import type { AnyTool } from "../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { answerSchemaOf } from "../orchestrate/agent/describe-tool.ts";
import { deriveSeeds } from "../tool/bundle/run-bundle.ts";
import { assertClientSchema, conflictOf } from "./client-schema.ts";
import { type GenericRequest, genericPrefix } from "./served-tools.ts";

const text = v.string("a text");
const contentPart = v.variant("type", [
  v.looseObject({ type: v.literal("text"), text }),
  v.looseObject({ type: v.literal("image_url"), image_url: v.looseObject({ url: text }) }),
  v.looseObject({ type: v.literal("file"), file: v.looseObject({ file_data: text, filename: v.nullish(text) }) }),
]);
const content = v.union(
  [text, v.array(contentPart)],
  "a text, or a list of parts of the types text, image_url and file",
);
const message = v.variant(
  "role",
  [
    v.looseObject({ role: v.picklist(["system", "developer"]), content }),
    v.looseObject({ role: v.literal("user"), content }),
    v.looseObject({ role: v.literal("assistant"), content }),
  ],
  "a message of the role system, developer, user or assistant; a consensus has no tool calls",
);

const aModel = "the name of a tool; GET /v1/models lists them";
const aList = "a list of one message or more";
const aLimit = "a whole number of at least 1";
const aTemperature = "a number from 0 to 2";
const limit = v.pipe(v.number(aLimit), v.safeInteger(aLimit), v.minValue(1, aLimit));

/** Body of `POST /v1/chat/completions`, as far as it is read. */
export const chatBody = v.looseObject({
  /** Name of a tool, or `consensus:<provider:model>`. */
  model: v.pipe(v.string(aModel), v.minLength(1, aModel)),
  messages: v.pipe(v.array(message, aList), v.minLength(1, aList)),
  /** Sends the replicates as reasoning while they arrive. */
  stream: v.nullish(v.boolean("true or false")),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  /** Form of the answer: of `consensus:` models the schema that every replicate has to fit. */
  response_format: v.nullish(
    v.variant("type", [
      v.looseObject({ type: v.literal("text") }),
      v.looseObject({ type: v.literal("json_object") }),
      v.looseObject({
        type: v.literal("json_schema"),
        json_schema: v.looseObject({ schema: v.record(text, v.unknown()) }),
      }),
    ]),
  ),
  temperature: v.nullish(v.pipe(v.number(aTemperature), v.minValue(0, aTemperature), v.maxValue(2, aTemperature))),
  max_tokens: v.nullish(limit),
  max_completion_tokens: v.nullish(limit),
  /** Seed that the seeds of all answers are derived from. */
  seed: v.nullish(v.pipe(v.number("a whole number"), v.safeInteger("a whole number"))),
  /** Options of the tool, such as `k` and `stopping`. */
  steer: v.nullish(v.record(text, v.unknown(), "an object of the tool's options")),
});
export type ChatBody = v.InferOutput<typeof chatBody>;

/** Parameters that change an answer and are not carried out, with the values that ask for nothing. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  tools: isEmpty,
  functions: isEmpty,
  logprobs: (value) => value === false,
  stop: isEmpty,
  top_p: (value) => value === 1,
  presence_penalty: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  logit_bias: isEmpty,
  audio: () => false,
  modalities: (value) => Array.isArray(value) && value.every((kind) => kind === "text"),
  prediction: () => false,
  reasoning_effort: () => false,
  verbosity: () => false,
  tool_choice: (value) => value === "none" || value === "auto",
  top_logprobs: (value) => value === 0,
  web_search_options: () => false,
};

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && Object.keys(value as object).length === 0;
}

/** @throws InvalidOptionsError naming every fault */
export function readChatBody(given: unknown): ChatBody {
  const { success, output, issues } = v.safeParse(chatBody, given);
  const faults: OptionIssue[] = success ? [] : issues.map(readIssue);
  for (const [path, asksNothing] of Object.entries(unsupported)) {
    const value = (given as Record<string, unknown> | null | undefined)?.[path] ?? undefined;
    if (value === undefined || asksNothing(value)) continue;
    const message = `${path} is not supported: a consensus is made of whole answers of one model. Leave it out.`;
    faults.push({ path, given: value, allowed: "nothing", message });
  }
  if (faults.length > 0 || !success) throw new InvalidOptionsError(faults);
  return output;
}

/** Says of a part that is missing what belongs there, as of one that is something else. */
function readIssue(issue: v.BaseIssue<unknown>): OptionIssue {
  const path = v.getDotPath(issue) ?? "body";
  const needed = { model: aModel, messages: aList }[path];
  return { path, given: issue.input, allowed: issue.input === undefined && needed ? needed : issue.message };
}

/**
 * Returns the request that the messages are to a tool.
 *
 * @throws InvalidOptionsError for what a tool of its own prompt has no use for
 */
export function requestOf(body: ChatBody): unknown {
  return body.model.startsWith(genericPrefix) ? genericRequest(body) : toolRequest(body);
}

function genericRequest({ messages, response_format: format, ...body }: ChatBody): GenericRequest {
  const schema =
    format?.type === "json_schema"
      ? format.json_schema.schema
      : format?.type === "json_object"
        ? { type: "object" }
        : undefined;
  const maxOutputTokens = body.max_completion_tokens ?? body.max_tokens ?? undefined;
  return {
    messages: messages.map(toPromptMessage),
    ...(schema && { schema }),
    ...(typeof body.temperature === "number" && { temperature: body.temperature }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

function toPromptMessage({ role, content: given }: ChatBody["messages"][number], at: number): PromptMessage {
  if (role !== "user") return { role: role === "developer" ? "system" : role, content: textOf(given) };
  if (typeof given === "string") return { role, content: given };
  return {
    role,
    content: given.map((part, index) => {
      if (part.type === "text") return { type: "text", text: part.text };
      const path = `messages.${at}.content.${index}`;
      if (part.type === "image_url") return dataPart(part.image_url.url, `${path}.image_url.url`);
      return {
        ...dataPart(part.file.file_data, `${path}.file.file_data`),
        ...(part.file.filename && { filename: part.file.filename }),
      };
    }),
  };
}

/** Bytes come with the request: an address would be fetched from inside the service's network. */
function dataPart(data: string, path: string) {
  const [, mediaType] = /^data:([\w.+-]+\/[\w.+-]+)[;,]/.exec(data) ?? [];
  if (mediaType !== undefined) return { type: "file" as const, data, mediaType };
  const message = `${path} is not a data URL. Send the bytes: "data:image/png;base64,…".`;
  throw new InvalidOptionsError([{ path, given: data, allowed: "a data URL", message }]);
}

function textOf(given: ChatBody["messages"][number]["content"]): string {
  if (typeof given === "string") return given;
  return given.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** A tool has its own prompt: it is given the one user message, as the JSON object that it is, or as a text. */
function toolRequest(body: ChatBody): unknown {
  const issues: OptionIssue[] = [];
  const [asked, ...others] = body.messages;
  const refuse = (path: string, given: unknown, message: string) =>
    issues.push({ path, given, allowed: "nothing", message });
  const instead = `Leave it out, or use a model "${genericPrefix}<provider:model>", which takes it.`;
  if (others.length > 0 || asked?.role !== "user")
    refuse(
      "messages",
      `${body.messages.length} messages`,
      `Tool "${body.model}" has its own prompt and takes one message of the role user. Send that alone, or use a model "${genericPrefix}<provider:model>".`,
    );
  else if (typeof asked.content !== "string" && asked.content.some(({ type }) => type !== "text"))
    refuse("messages.0.content", "pictures or files", `Tool "${body.model}" takes text. ${instead}`);
  for (const path of ["temperature", "max_tokens", "max_completion_tokens"] as const) {
    if (typeof body[path] === "number")
      refuse(path, body[path], `Tool "${body.model}" sets ${path} itself. ${instead}`);
  }
  if (issues.length > 0 || !asked) throw new InvalidOptionsError(issues);
  return textOf(asked.content);
}

/**
 * Returns a text as the request that its tool takes: the JSON object in it where the tool takes that, else the text.
 *
 * @throws InvalidOptionsError where the client wants another form of answer than the tool's
 */
export async function fitRequest(
  request: unknown,
  tool: AnyTool,
  { response_format: format }: ChatBody,
): Promise<unknown> {
  if (typeof request !== "string") return request;
  if (format && format.type !== "text" && tool.resolveOptions) await assertFormat(tool, format);
  const object = objectIn(request);
  if (!object || !tool.inputSchema) return object ?? request;
  const validate = async (value: unknown) => !(await tool.inputSchema?.["~standard"].validate(value))?.issues;
  return (await validate(object)) || !(await validate(request)) ? object : request;
}

/** A tool answers by its own schema. One that the client sends too may say less, and nothing else. */
async function assertFormat(tool: AnyTool, format: Exclude<ChatBody["response_format"], null | undefined>) {
  const refuse = (fault: string) => {
    const message = `Tool "${tool.name}" ${fault}. Leave response_format out, or use a model "${genericPrefix}<provider:model>", which takes it.`;
    return new InvalidOptionsError([{ path: "response_format", given: format.type, allowed: "nothing", message }]);
  };
  const answers = await answerSchemaOf(tool);
  if (!answers) throw refuse("answers in text and has no schema");
  const wanted = format.type === "json_schema" ? format.json_schema.schema : { type: "object" };
  await assertClientSchema(wanted, schemaInBody);
  const conflict = conflictOf(answers, wanted);
  if (conflict !== undefined) throw refuse(`answers by its own schema, by which ${conflict}`);
}

/**
 * Returns options with the seeds of all answers, derived from the client's one: answers of one seed would be one answer.
 *
 * @throws InvalidOptionsError for a tool that takes no seeds, and where they are given too
 */
export function withSeeds(
  options: Readonly<Record<string, unknown>> | undefined,
  tool: AnyTool,
  { seed }: ChatBody,
): Readonly<Record<string, unknown>> | undefined {
  if (typeof seed !== "number") return options;
  const refuse = (message: string) =>
    new InvalidOptionsError([{ path: "seed", given: seed, allowed: "nothing", message }]);
  if (options?.["seeds"] !== undefined) throw refuse("seed and steer.seeds are both given. Leave one of them out.");
  const { k } = (tool.resolveOptions?.(options as never) ?? {}) as { readonly k?: number };
  if (k === undefined) throw refuse(`Tool "${tool.name}" takes no seed. Leave it out.`);
  return { ...options, seeds: deriveSeeds(tool.name, { seed }, k) };
}

const schemaInBody = "response_format.json_schema.schema";

/** Returns the fault of a run as it stands in the body of a chat completion. */
export function asInBody(error: unknown): unknown {
  if (!InvalidOptionsError.isInstance(error)) return error;
  return new InvalidOptionsError(
    error.issues.map(({ path, message, ...issue }) => {
      const renamed = path.replace(/^toolOptions\b/, "steer").replace(/^request\.schema\b/, schemaInBody);
      return {
        ...issue,
        path: renamed.replace(/^request\b.*/, "messages"),
        message: message?.replaceAll(path, renamed),
      };
    }),
  );
}

function objectIn(given: string): object | undefined {
  try {
    const value: unknown = JSON.parse(given);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
