import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, jsonSchema, Output, streamText } from "ai";
import OpenAI from "openai";

/** What a client is asked for. */
export interface Asking {
  readonly url: string;
  readonly model: string;
  readonly content: string;
  /** JSON schema of the answer. */
  readonly schema?: Record<string, unknown>;
  readonly isStreamed: boolean;
  readonly key?: string;
}

/** What a program has of the answer. */
export interface Heard {
  readonly content: unknown;
  readonly totalTokens: number | undefined;
  /** Replicates as they arrived, of clients that show reasoning. */
  readonly reasoning?: string | undefined;
  /** The field `steer`, of clients that hand on what they do not know. */
  readonly steer?: any;
}

const name = "answer";

/** Clients of chat completions, each as its users call it. */
export const clients: Readonly<Record<string, (asking: Asking) => Promise<Heard>>> = {
  async "openai package"({ url, model, content, schema, isStreamed, key = "none" }) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
    const response_format = schema && ({ type: "json_schema", json_schema: { name, schema, strict: true } } as const);
    const asked = {
      model,
      messages: [{ role: "user", content }],
      ...(response_format && { response_format }),
    } as const;
    if (!isStreamed) {
      const { choices, usage, ...rest } = await client.chat.completions.create({
        ...asked,
        messages: [...asked.messages],
      });
      const text = choices[0]?.message.content ?? "";
      return {
        content: schema ? JSON.parse(text) : text,
        totalTokens: usage?.total_tokens,
        steer: (rest as any).steer,
      };
    }
    const heard = { content: "", totalTokens: undefined as number | undefined, reasoning: "", steer: undefined as any };
    const stream = await client.chat.completions.create({
      ...asked,
      messages: [...asked.messages],
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const { choices, usage, ...rest } of stream) {
      heard.content += choices[0]?.delta.content ?? "";
      heard.reasoning += (choices[0]?.delta as any)?.reasoning_content ?? "";
      heard.totalTokens = usage?.total_tokens ?? heard.totalTokens;
      heard.steer = (rest as any).steer ?? heard.steer;
    }
    return { ...heard, content: schema ? JSON.parse(heard.content) : heard.content };
  },

  async "AI SDK"({ url, model, content, schema, isStreamed, key }) {
    const provider = createOpenAICompatible({
      name: "steer",
      baseURL: `${url}/v1`,
      ...(key !== undefined && { apiKey: key }),
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    const output = schema && Output.object({ schema: jsonSchema<any>(schema), name });
    const asked = { model: provider(model), prompt: content, maxRetries: 0, ...(output && { output }) };
    if (!isStreamed) {
      const answer = await generateText(asked);
      return { content: schema ? answer.output : answer.text, totalTokens: answer.usage.totalTokens };
    }
    let fault: unknown;
    const stream = streamText({
      ...asked,
      onError: ({ error }) => {
        fault = error;
      },
    });
    const text = await stream.text;
    if (fault) throw fault;
    const { totalTokens } = await stream.usage;
    return { content: schema ? await stream.output : text, totalTokens, reasoning: await stream.reasoningText };
  },

  async LangChain({ url, model, content, schema, isStreamed, key = "none" }) {
    const chat = new ChatOpenAI({ model, apiKey: key, configuration: { baseURL: `${url}/v1` }, maxRetries: 0 });
    if (schema) {
      const structured = chat.withStructuredOutput(schema, { name, method: "jsonSchema", includeRaw: true });
      if (!isStreamed) {
        const { parsed, raw } = await structured.invoke(content);
        return { content: parsed, totalTokens: (raw as any).usage_metadata?.total_tokens };
      }
      let last: any;
      for await (const part of await structured.stream(content)) last = { ...last, ...part };
      return { content: last.parsed, totalTokens: undefined };
    }
    if (!isStreamed) {
      const message = await chat.invoke(content);
      return { content: message.text, totalTokens: (message as any).usage_metadata?.total_tokens };
    }
    let text = "";
    let totalTokens: number | undefined;
    for await (const chunk of await chat.stream(content)) {
      text += chunk.text;
      totalTokens = (chunk as any).usage_metadata?.total_tokens ?? totalTokens;
    }
    return { content: text, totalTokens };
  },

  async curl({ url, model, content, schema, isStreamed, key = "none" }) {
    const body = {
      model,
      messages: [{ role: "user", content }],
      stream: isStreamed,
      ...(isStreamed && { stream_options: { include_usage: true } }),
      ...(schema && { response_format: { type: "json_schema", json_schema: { name, schema } } }),
    };
    const headers = ["-H", "content-type: application/json", "-H", `authorization: Bearer ${key}`];
    const asked = ["-sS", "--fail-with-body", `${url}/v1/chat/completions`, ...headers, "-d", JSON.stringify(body)];
    const { stdout } = await promisify(execFile)("curl", asked);
    if (!isStreamed) {
      const { choices, usage, steer } = JSON.parse(stdout);
      const text = choices[0].message.content;
      return { content: schema ? JSON.parse(text) : text, totalTokens: usage.total_tokens, steer };
    }
    const lines = stdout.split("\n\n").filter((line) => line.startsWith("data: {"));
    const chunks = lines.map((line) => JSON.parse(line.slice("data: ".length)));
    const joined = (part: string) => chunks.map(({ choices }) => choices[0]?.delta[part] ?? "").join("");
    const text = joined("content");
    return {
      content: schema ? JSON.parse(text) : text,
      reasoning: joined("reasoning_content"),
      totalTokens: chunks.find(({ usage }) => usage)?.usage.total_tokens,
      steer: chunks.find(({ steer }) => steer)?.steer,
    };
  },
};
