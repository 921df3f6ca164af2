import type { PromptMessage } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";

/** More than any chat template puts around a message: its role, its separators, the cue to answer. */
const tokensAroundMessage = 16;
/** More than a provider charges for an image that is smaller than its number of tokens. */
const leastTokensOfFile = 4_096;

/**
 * An upper bound on the tokens of a prompt, without a tokenizer: one of UTF-8 text gives at most as many tokens as bytes,
 * because the smallest token of a byte-level vocabulary is one byte (Sennrich et al. 2016; Radford et al. 2019). English text
 * has about a quarter of it.
 *
 * @returns tokens; `undefined` where a part lies elsewhere (behind a URL), so that nobody here knows its size
 *
 * @example
 * ```ts
 * promptTokensUpperBound([{ role: "user", content: "Hi" }]); // 18
 * ```
 */
export function promptTokensUpperBound(
  messages: readonly PromptMessage[],
  responseSchema?: JSONSchema | undefined,
): number | undefined {
  let tokens = responseSchema ? tokensAroundMessage + byteLength(JSON.stringify(responseSchema)) : 0;
  for (const { content } of messages) {
    tokens += tokensAroundMessage;
    for (const part of Array.isArray(content) ? content : [content]) {
      const partTokens = tokensOfPart(part);
      if (partTokens === undefined) return undefined;
      tokens += partTokens;
    }
  }
  return tokens;
}

function tokensOfPart(part: unknown): number | undefined {
  if (typeof part === "string") return byteLength(part);
  const { type, data, image } = part as { type?: string; data?: unknown; image?: unknown };
  if (type !== "file" && type !== "image") return byteLength(JSON.stringify(part) ?? "");
  const bytes = bytesOfFile(data ?? image);
  return bytes === undefined ? undefined : Math.max(bytes, leastTokensOfFile);
}

function bytesOfFile(data: unknown): number | undefined {
  if (data instanceof Uint8Array || data instanceof ArrayBuffer) return data.byteLength;
  if (typeof data === "string") return /^https?:/i.test(data) ? undefined : data.length;
  const tagged = data as { data?: unknown; text?: unknown } | undefined;
  if (typeof tagged?.text === "string") return byteLength(tagged.text);
  return tagged?.data === undefined ? undefined : bytesOfFile(tagged.data);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
