import type { EvidenceSource, LanguageModelLike } from "../../contract/model.ts";

/** Facts of a model before it is loaded: of a model object, or of a name such as `"openai:gpt-5-mini"`. */
export type ModelReference = string | LanguageModelLike;

/** Name of the breaker that the calls fall under: the model's provider, with the server's address where there are many. */
export function providerOf(model: ModelReference, baseUrl?: string): string {
  if (typeof model !== "string") return model.provider;
  const prefix = model.split(":")[0] as string;
  if (baseUrl !== undefined) return `${prefix}:${baseUrl}`;
  return prefix === "openai-compatible" ? (model.split("#")[0] as string) : prefix;
}

export function modelIdOf(model: ModelReference): string {
  return typeof model === "string" ? model.slice(model.search(model.includes("#") ? "#" : ":") + 1) : model.modelId;
}

export function sourceOf(model: ModelReference): EvidenceSource {
  if (typeof model !== "string") return model.source ?? "live";
  return model.startsWith("recorded:") ? "recorded" : model.startsWith("simulated:") ? "simulated" : "live";
}
