import type { LanguageModelLike, PromptMessage } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { tokensOfFile } from "./file-tokens.ts";

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** Name of a model, as far as rules and tokenizers depend on it. */
export type ModelName = Pick<LanguageModelLike, "provider" | "modelId">;

/** Tokens that chat templates put around a message: its role and its separators. */
const tokensAroundMessage = 5;
/** Tokens that come once in a prompt: the cue to answer. */
const tokensAroundPrompt = 5;

/**
 * Estimates the tokens of a prompt. Texts are counted by `count`, images and files by the rules that the model's provider
 * publishes.
 *
 * @param count default: `estimateTextTokens`
 * @returns tokens; `undefined` where a file lies elsewhere (behind a URL) and its kind says nothing about its size
 *
 * @example
 * ```ts
 * estimatePromptTokens([{ role: "user", content: "Hi" }], undefined, { provider: "openai", modelId: "gpt-5-mini" }); // 11
 * ```
 */
export function estimatePromptTokens(
  messages: readonly PromptMessage[],
  responseSchema: JSONSchema | undefined,
  model: ModelName,
  count: CountTokens = estimateTextTokens,
): number | undefined {
  let tokens = tokensAroundPrompt;
  if (responseSchema) tokens += tokensAroundMessage + count(JSON.stringify(responseSchema));
  for (const { content } of messages) {
    tokens += tokensAroundMessage;
    for (const part of Array.isArray(content) ? content : [content]) {
      const partTokens = tokensOfPart(part, model, count);
      if (partTokens === undefined) return undefined;
      tokens += partTokens;
    }
  }
  return Math.ceil(tokens);
}

function tokensOfPart(part: unknown, model: ModelName, count: CountTokens): number | undefined {
  if (typeof part === "string") return count(part);
  const { type, text } = part as { type?: unknown; text?: unknown };
  if (type === "file" || type === "image") return tokensOfFile(part as object, model, count);
  return count(type === "text" && typeof text === "string" ? text : (JSON.stringify(part) ?? ""));
}

/** Texts of more characters are estimated without a tokenizer, which would take longer than the estimate is worth. */
const longestTokenized = 400_000;
/** Tokenizers merge a run of letters without a break in quadratic time: longer texts are counted in pieces. */
const longestPiece = 20_000;

/**
 * Returns how the texts of a model's prompt are counted: by the user's own function, else by `gpt-tokenizer` where that is
 * installed, else by `estimateTextTokens`. Of models whose tokenizer is not known the count is raised by a margin.
 */
export async function tokenCounter(
  { provider, modelId }: ModelName,
  estimateTokens: ((text: string, modelId: string) => number) | undefined,
): Promise<CountTokens> {
  if (estimateTokens) return (text) => validCount(estimateTokens(text, modelId)) ?? estimateTextTokens(text);
  const tokenize = await loadTokenizer();
  const isOpenAI = /^(openai|azure)\b/.test(provider) && /^(gpt|o\d|chatgpt)/.test(modelId);
  const margin = /claude/i.test(modelId) ? claudeMargin : tokenize && isOpenAI ? 1 : otherMargin;
  return (text) => margin * (tokenize && text.length <= longestTokenized ? tokenize(text) : estimateTextTokens(text));
}

function validCount(count: unknown): number | undefined {
  return typeof count === "number" && count >= 0 && Number.isFinite(count) ? count : undefined;
}

/** Claude's tokenizers give more tokens for the same text than those of others. */
const claudeMargin = 1.25;
const otherMargin = 1.1;

const loadTokenizer = lazily(async (): Promise<CountTokens | undefined> => {
  try {
    const { countTokens } = await import("gpt-tokenizer/encoding/o200k_base");
    // A text that contains the name of a special token is a text like any other.
    const options = { disallowedSpecial: new Set<string>() };
    return (text) => {
      let tokens = 0;
      for (let at = 0; at < text.length; at += longestPiece) {
        tokens += countTokens(text.slice(at, at + longestPiece), options);
      }
      return tokens;
    };
  } catch {
    return undefined;
  }
});

/** Identifiers, hashes, base64: letters and digits without a break. */
const unbroken = /[A-Za-z0-9+/_-]{24,}/g;

/** Runs of one kind of characters. Longer tokens rarely reach over the end of one. */
const runs =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|\p{Script=Hangul}+|\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+|\p{L}+|\p{N}+|[^\S\n]+|\n+|[^\s\p{L}\p{N}]+/gu;

/**
 * Estimates the tokens of a text without a tokenizer. The weights are fitted to `gpt-tokenizer`'s o200k_base;
 * `node bench/tokens.ts` prints the error.
 */
export function estimateTextTokens(text: string): number {
  let tokens = 0;
  for (let at = 0; at < text.length; at += longestMatch) tokens += tokensOfPiece(text.slice(at, at + longestMatch));
  return tokens;
}

/** A regular expression that matches some millions of characters at once exhausts its stack. */
const longestMatch = 2 ** 20;

function tokensOfPiece(text: string): number {
  let tokens = 0;
  const words = text.replace(unbroken, (run) => {
    if ((run.match(/\d/g)?.length ?? 0) < 3) return run;
    tokens += 0.6 * run.length;
    return " ";
  });
  for (const [run] of words.matchAll(runs)) tokens += tokensOfRun(run);
  return tokens;
}

function tokensOfRun(run: string): number {
  const { length } = run;
  const first = run.charCodeAt(0);
  if (first < 0x80) {
    if (/[A-Za-z]/.test(run[0] as string)) return tokensOfWord(run);
    if (first === 10) return 0.45;
    if (/\s/.test(run[0] as string)) return length > 1 ? 1.2 : 0;
    if (/\d/.test(run[0] as string)) return 1.5 * Math.ceil(length / 3);
    return 0.52 * (1 + 0.35 * (length - 1));
  }
  if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(run)) return 0.83 * length;
  if (/^\p{Script=Hangul}/u.test(run)) return 0.73 * length;
  if (/^\p{Script=Latin}/u.test(run)) return tokensOfWord(run);
  if (/^\p{L}/u.test(run)) return 0.35 * length;
  return /^\p{N}/u.test(run) ? length : /^\s/.test(run) ? 1 : 0.7 * length;
}

function tokensOfWord(word: string): number {
  const { length } = word;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII.
  if (!/^[\x00-\x7f]*$/.test(word)) return 1.9 + 0.13 * length;
  if (length <= 3) return 0.75;
  if (length <= 7) return 1.3;
  return 2.18 + 0.3 * Math.max(0, length - 10);
}
