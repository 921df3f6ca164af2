import type { CallParameter, LanguageModelLike, ModelTraits, ModelTraitsSource } from "../contract/model.ts";

/**
 * Traits of each model that this process has asked. A model that was not asked for long may be forgotten: it is learned
 * again by one refused call.
 */
export class ModelTraitsRegistry implements ModelTraitsSource {
  readonly #traits = new Map<string, ModelTraits>();

  of({ provider, modelId }: Pick<LanguageModelLike, "provider" | "modelId">): ModelTraits {
    const key = JSON.stringify([provider, modelId]);
    const traits = this.#traits.get(key) ?? { refused: new Set<CallParameter>() };
    this.#traits.delete(key);
    this.#traits.set(key, traits);
    if (this.#traits.size > mostModels) this.#traits.delete(this.#traits.keys().next().value as string);
    return traits;
  }
}

const mostModels = 1_000;
