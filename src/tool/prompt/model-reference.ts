import type { EvidenceSource, LanguageModelLike } from "../../contract/model.ts";

/** Prefix of models whose calls go into batches. */
export const batchPrefix = "batch:";

/** Facts of a model before it is loaded: of a model object, or of a name such as `"openai:gpt-5-mini"`. */
export type ModelReference = string | LanguageModelLike;

/** Name of the breaker that the calls fall under: the model's provider, with the server's address where there are many. */
export function providerOf(model: ModelReference, baseUrl?: string): string {
  if (typeof model !== "string") return model.provider;
  if (model.startsWith(batchPrefix)) return `${providerOf(model.slice(batchPrefix.length), baseUrl)}.batch`;
  const prefix = model.split(":")[0] as string;
  if (baseUrl !== undefined) return `${prefix}:${baseUrl}`;
  return prefix === "openai-compatible" ? (model.split("#")[0] as string) : prefix;
}

export function modelIdOf(model: ModelReference): string {
  if (typeof model !== "string") return model.modelId;
  if (model.startsWith(batchPrefix)) return modelIdOf(model.slice(batchPrefix.length));
  return model.slice(model.search(model.includes("#") ? "#" : ":") + 1);
}

export function sourceOf(model: ModelReference): EvidenceSource {
  if (typeof model !== "string") return model.source ?? "live";
  return model.startsWith("recorded:") ? "recorded" : model.startsWith("simulated:") ? "simulated" : "live";
}
