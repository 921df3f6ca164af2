import type { LanguageModelLike } from "../contract/model.ts";
import type { Clock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";

const loadNamedModel = lazily(() => import("./named-model.ts"));

/**
 * The model that a reference names. A model object is given back as it is.
 *
 * | reference | model |
 * | --- | --- |
 * | `openai:gpt-5-mini`, `anthropic:…`, `google:…`, `mistral:…`, `xai:…` | of the installed `@ai-sdk/*` package, with the key in the environment |
 * | `openai-compatible:http://localhost:11434/v1#llama3.2` | of any server that speaks OpenAI's chat completions |
 * | `recorded:answers.jsonl` | recorded answers, replayed |
 * | `simulated:?error=0.1` | a seeded simulation |
 *
 * @param options.clock by which a simulation waits; default: the real one
 * @throws InvalidOptionsError for a name that leads nowhere, with what to install, to set or to write instead
 *
 * @example
 * ```ts
 * const model = await resolveModel(process.env["MODEL"] ?? "openai:gpt-5-mini");
 * ```
 */
export async function resolveModel(
  reference: string | LanguageModelLike,
  options: { readonly clock?: Clock | undefined } = {},
): Promise<LanguageModelLike> {
  if (typeof reference !== "string") return checkedModel(reference);
  const { namedModel } = await loadNamedModel();
  return namedModel(reference, options.clock);
}

function checkedModel(model: LanguageModelLike): LanguageModelLike {
  const { specificationVersion: version, doGenerate } = (model ?? {}) as Partial<LanguageModelLike>;
  if ((version === "v3" || version === "v4") && typeof doGenerate === "function") return model;
  const given = version === undefined ? model : `a model of specification ${version}`;
  const allowed =
    'a model of the AI SDK\'s specification v3 or v4 (its releases 6 and 7), or a text such as "openai:gpt-5-mini"';
  throw new InvalidOptionsError([{ path: "model", given, allowed }]);
}
