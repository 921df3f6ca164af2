import { hash } from "node:crypto";
import type { LanguageModelLike, PromptMessage } from "../../contract/model.ts";

/** Address of the server of a model of the AI SDK's packages: two servers may have models of one name. */
export function addressOf({ modelId, ...model }: LanguageModelLike): string | undefined {
  const { baseURL, url } = (model as { config?: { baseURL?: unknown; url?: unknown } }).config ?? {};
  if (typeof url !== "function") return typeof baseURL === "string" ? baseURL : undefined;
  return String(url({ path: "/", modelId }));
}

/**
 * Tells a model that shows what it asks from one that hides it. The AI SDK's middleware gives a plain object of functions with the name of
 * the model inside: two of them may answer differently.
 */
export function isPlain(model: LanguageModelLike): boolean {
  const isOurs = model.source !== undefined && model.source !== "live";
  return isOurs || "config" in model || Object.getPrototypeOf(model) !== Object.prototype;
}

/**
 * Returns the JSON that tells a value from all others: bytes of an image as text.
 *
 * @throws TypeError for an object that JSON would make equal to others
 */
export function plainOf(value: object): object {
  return JSON.parse(
    JSON.stringify(value, (_, part) => {
      if (part instanceof ArrayBuffer) return { bytes: Buffer.from(part).toString("base64") };
      if (ArrayBuffer.isView(part))
        return { bytes: Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("base64") };
      const prototype = typeof part === "object" && part !== null ? Object.getPrototypeOf(part) : null;
      if (prototype === null || prototype === Object.prototype || Array.isArray(part)) return part;
      throw new TypeError(`A ${prototype.constructor?.name} in a prompt has no JSON form that tells it from others`);
    }),
  );
}

/** Key of a prompt in the provider's cache. Replicas of a process make the same one, and none holds words of the prompt. */
export function cacheKeyOf(toolName: string, messages: readonly PromptMessage[]): string | undefined {
  try {
    return hash("sha256", JSON.stringify(plainOf([toolName, messages]))).slice(0, 32);
  } catch {
    // A prompt without a form of its own is asked for as it always was.
    return undefined;
  }
}
