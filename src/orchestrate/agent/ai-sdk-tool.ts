import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EvidenceContent } from "../../contract/bundle.ts";
import type { AnyTool, ContentOf, InputOf } from "../../contract/tool.ts";
import type { Usage } from "../../contract/usage.ts";
import type { JSONValue } from "../../core/json.ts";
import { lazily } from "../../core/lazily.ts";
import { ReliableOrchestrator } from "../reliable-orchestrator.ts";
import type { AgentDisagreement } from "./agent-answer.ts";
import type { ToolDescription } from "./describe-tool.ts";
import { descriptionOf } from "./description.ts";

const loadAnswers = lazily(() => import("./agent-answer.ts"));
const loadDescriptions = lazily(() => import("./describe-tool.ts"));

/** Output of a tool in a loop of the AI SDK: the model reads all but `usage` and `costUsd`. */
export type AiSdkAnswer<Content> = ([Content] extends [EvidenceContent<infer T>]
  ? {
      /** As JSON; `null` without a valid answer. */
      readonly consensus: AsJson<T> | null;
      /** Probability that the consensus is right. */
      readonly confidence: number;
      /** Fields on which the answers differ, the most contested first; long values are cut. */
      readonly disagreements: readonly AgentDisagreement[];
      /** Valid answers. */
      readonly votes: number;
      /** Reason why there are fewer answers than were asked for, or why a person decides. */
      readonly incomplete?: string;
    }
  : { readonly result: AsJson<Content> }) & {
  /** Tokens of all answers. */
  readonly usage: Usage;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
};
type AsJson<T> = T extends JSONValue ? T : JSONValue;

/** A tool of the AI SDK, from version 6. */
export interface AiSdkTool<Input, Output> {
  readonly description: string;
  readonly inputSchema: StandardSchemaV1<unknown, Input>;
  /** Runs the tool. The abort signal of the loop reaches the provider's calls. */
  execute(input: Input, call: { readonly abortSignal?: AbortSignal | undefined }): Promise<Output>;
  /** Returns what the model reads of an output. */
  toModelOutput(facts: { readonly output: Output }): { type: "json"; value: any };
}

/**
 * Makes a tool of this package one that agents of the AI SDK call (`generateText`, `streamText`, `ToolLoopAgent`). Its
 * arguments are those of the tool's `input`, else the variables of its prompt; its output is data, in few tokens.
 *
 * The usage stands in the output, beside what the model reads: `result.steps` holds it under `toolResults`. A failed run is
 * a tool error that says to the model what it can do, with the usage in `error.partial`.
 *
 * @param orchestrator runs the tool, with its budget (`defaultOptions`), store and limits. Default: one of its own
 *
 * @example
 * ```ts
 * const agent = new ToolLoopAgent({ model: "openai/gpt-5", tools: { triage: toAiSdkTool(triage) } });
 * const { text } = await agent.generate({ prompt: "Which of these reports is urgent?" });
 * ```
 */
export function toAiSdkTool<T extends AnyTool>(
  tool: T,
  orchestrator: Pick<ReliableOrchestrator<any>, "run"> = new ReliableOrchestrator(),
): AiSdkTool<InputOf<T>, AiSdkAnswer<ContentOf<T>>> {
  const describe = lazily(async () => (await loadDescriptions()).describeTool(tool));
  return {
    description: descriptionOf(tool),
    inputSchema: inputSchemaOf(describe),
    async execute(input, { abortSignal: signal }) {
      const { toRequest } = await describe();
      const output = await orchestrator.run({
        tool: tool as AnyTool,
        request: toRequest(input as Record<string, unknown>) as object,
        signal,
      });
      const { answerOrThrow } = await loadAnswers();
      const { usage, costUsd } = output;
      return { ...answerOrThrow(output), usage, costUsd } as unknown as AiSdkAnswer<ContentOf<T>>;
    },
    toModelOutput: ({ output: { usage: _, costUsd: __, ...value } }) => ({ type: "json", value }),
  };
}

/** Marks a schema of the AI SDK, whatever copy of it reads it. */
const schemaMark = Symbol.for("vercel.ai.schema");

/** The AI SDK waits for a JSON schema of its own kind of schema alone, and that of valibot comes from a package that is loaded. */
function inputSchemaOf(describe: () => Promise<ToolDescription>): StandardSchemaV1<unknown, any> {
  const faultIn = async (value: unknown) => (await describe()).faultIn(value);
  const validate = async (value: unknown): Promise<StandardSchemaV1.Result<unknown>> => {
    const message = await faultIn(value);
    return message === undefined ? { value } : { issues: [{ message }] };
  };
  return {
    "~standard": { version: 1, vendor: "steer-llm-sdk", validate },
    [schemaMark]: true,
    get jsonSchema() {
      return describe().then(({ inputSchema }) => inputSchema);
    },
    async validate(value: unknown) {
      const fault = await faultIn(value);
      return fault === undefined ? { success: true, value } : { success: false, error: new Error(fault) };
    },
  } as StandardSchemaV1<unknown, any>;
}
