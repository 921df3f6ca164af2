import type { LanguageModelLike } from "../contract/model.ts";
import type { Clock } from "../core/clock.ts";
import { lazily } from "../core/lazily.ts";
import type { ModelAccess } from "./find-model.ts";

const loadFindModel = lazily(() => import("./find-model.ts"));

/**
 * Finds the model that a reference names. A model object is returned unchanged.
 *
 * | reference | model |
 * | --- | --- |
 * | `openai:gpt-5-mini`, `anthropic:…`, `google:…`, `mistral:…`, `xai:…`, `azure:…`, `bedrock:…`, `vertex:…` | of the installed `@ai-sdk/*` package, with the key in the environment |
 * | `openrouter:…`, `groq:…`, `deepseek:…`, `together:…` | the same, or over the vendor's OpenAI-compatible endpoint |
 * | `openai-compatible:http://localhost:11434/v1#llama3.2` | of any server that speaks OpenAI's chat completions |
 * | `recorded:answers.jsonl` | recorded answers, replayed |
 * | `simulated:?error=0.1` | a seeded simulation |
 * | `batch:openai:gpt-5-mini` | the same model through its provider's batch API: half the price, an answer within a day; experimental |
 *
 * @param options.clock by which a simulation waits; default: the real one
 * @param options.headers sent with each call, of a model that is named by text; `options.baseUrl` is the address of its API, and
 * `options.apiKeyEnv` the environment variable that holds its key
 * @throws InvalidOptionsError for a name that leads nowhere, with what to install, to set or to write instead
 *
 * @example
 * ```ts
 * const model = await resolveModel(process.env["MODEL"] ?? "openai:gpt-5-mini");
 * ```
 */
export async function resolveModel(
  reference: string | LanguageModelLike,
  options: { readonly clock?: Clock | undefined } & ModelAccess = {},
): Promise<LanguageModelLike> {
  const { clock, ...access } = options;
  return (await loadFindModel()).findModel(reference, clock, access);
}
