/** A prompt types its request, a schema its answer, and a slip is an error that says what to write. */
import {
  createEvidenceBundle,
  type InputOf,
  PromptBundleTool,
  type PromptMessage,
  ReliableOrchestrator,
} from "steer-llm-sdk";
import { z } from "zod";
import { type Equal, expectTrue } from "./equal.ts";

type AnswerOf<T> = T extends PromptBundleTool<any, infer Answer, any, any> ? Answer : never;
const model = "openai:gpt-5-mini";
const orchestrator = new ReliableOrchestrator();

// A JSON schema is a schema, and types the answer where it is written out.
const triage = new PromptBundleTool({
  name: "triage",
  model,
  prompt: "Report:\n{{report}}",
  schema: {
    type: "object",
    properties: {
      severity: { enum: ["low", "high"] },
      parts: { type: "array", items: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } },
      note: { type: ["string", "null"] },
    },
    required: ["severity", "parts"],
    additionalProperties: false,
  },
});
type Triage = { severity: "low" | "high"; parts: { id: number }[]; note?: string | null };
expectTrue<Equal<AnswerOf<typeof triage>, Triage>>();
expectTrue<Equal<InputOf<typeof triage>, { report: unknown }>>();
const output = await orchestrator.run({ tool: triage, request: { report: "…" } });
if (output.status !== "failed")
  expectTrue<Equal<typeof output.content.evidenceBundle.summary.consensus, Triage | null>>();

const kinds = { type: "string", enum: ["bug", "question"] } as const;
const byConst = new PromptBundleTool({ name: "by_const", model, prompt: "{{text}}", schema: kinds });
expectTrue<Equal<AnswerOf<typeof byConst>, "bug" | "question">>();

// Of a schema that is read from elsewhere nothing is known, unless the caller names the type.
declare const read: Record<string, unknown>;
const unknownAnswer = new PromptBundleTool({ name: "unknown_answer", model, prompt: "{{text}}", schema: read });
expectTrue<Equal<AnswerOf<typeof unknownAnswer>, unknown>>();
const named = new PromptBundleTool<"{{text}}", { id: string }>({ name: "n", model, prompt: "{{text}}", schema: read });
expectTrue<Equal<AnswerOf<typeof named>, { id: string }>>();

// Without a schema, an answer is text.
const asText = new PromptBundleTool({ name: "as_text", model, prompt: "{{text}}" });
expectTrue<Equal<AnswerOf<typeof asText>, string>>();

// A function types its request by its parameter, or by `input`.
const byFunction = new PromptBundleTool({
  name: "by_function",
  model,
  prompt: (request: { q: string; image: Uint8Array }) => [
    {
      role: "user",
      content: [
        { type: "text", text: request.q },
        { type: "image", image: request.image },
      ],
    },
  ],
});
expectTrue<Equal<InputOf<typeof byFunction>, { q: string; image: Uint8Array }>>();
// @ts-expect-error q is a text
await orchestrator.run({ tool: byFunction, request: { q: 1, image: new Uint8Array() } });

const byInput = new PromptBundleTool({
  name: "by_input",
  model,
  input: z.object({ day: z.string().transform((text) => new Date(text)) }),
  prompt: ({ day }) => `What happened in ${day.getFullYear()}?`,
});
expectTrue<Equal<InputOf<typeof byInput>, { day: string }>>();

const byTemplate = new PromptBundleTool({
  name: "by_template",
  model,
  input: z.object({ q: z.string() }),
  prompt: "{{q}}",
});
expectTrue<Equal<InputOf<typeof byTemplate>, { q: string }>>();

// Variables reach into objects.
const nested = new PromptBundleTool({
  name: "nested",
  model,
  prompt: "{{report.title}} {{ report.body }} {{tags.0.name}}",
});
expectTrue<Equal<InputOf<typeof nested>, { report: { title: unknown; body: unknown }; tags: unknown }>>();
// @ts-expect-error the prompt reads report.title
await orchestrator.run({ tool: nested, request: { report: { titel: "x", body: "y" }, tags: [] } });

// A model has a provider before its colon.
new PromptBundleTool({ name: "m", model: "anthropic:any-new-model", prompt: "x" });
declare const fromEnvironment: string;
new PromptBundleTool({ name: "m", model: fromEnvironment, prompt: "x" });
// @ts-expect-error no provider is named
new PromptBundleTool({ name: "m", model: "gpt-5-mini", prompt: "x" });
// @ts-expect-error the provider is misspelt
new PromptBundleTool({ name: "m", model: "opnai:gpt-5-mini", prompt: "x" });

// Slips of schemas.
// @ts-expect-error `propertes` is not a keyword
new PromptBundleTool({ name: "s", model, prompt: "x", schema: { type: "object", propertes: {} } });
// @ts-expect-error `require` is not a keyword
new PromptBundleTool({ name: "s", model, prompt: "x", schema: { type: "object", require: ["a"] } });
// @ts-expect-error a shape needs z.object around it
new PromptBundleTool({ name: "s", model, prompt: "x", schema: { name: z.string() } });
// @ts-expect-error a model has no option of this name
new PromptBundleTool({ name: "s", model, prompt: "x", shema: z.string() });

// Messages are typed.
const messages: PromptMessage[] = [
  { role: "system", content: "Be brief." },
  {
    role: "user",
    content: [{ type: "file", data: new URL("https://example.com/a.pdf"), mediaType: "application/pdf" }],
  },
];
new PromptBundleTool({ name: "messages", model, prompt: () => messages });
// @ts-expect-error no part of a user's message is a `picture`
messages.push({ role: "user", content: [{ type: "picture", image: new Uint8Array() }] });

// A subclass names what it adds.
class Louder<P extends string> extends PromptBundleTool<P> {
  override questionText(request: InputOf<PromptBundleTool<P>>): string {
    return super.questionText(request).toUpperCase();
  }
}
expectTrue<Equal<AnswerOf<Louder<"{{q}}">>, string>>();

// Replicates of one's own need no more than their answers.
const bundle = createEvidenceBundle({ task: "panel", replicates: [{ data: { yes: true } }, { data: { yes: false } }] });
expectTrue<Equal<typeof bundle.summary.consensus, { yes: boolean } | null>>();
