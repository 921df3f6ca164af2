import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { ModelCall } from "./model-call.ts";
import { fieldsOf } from "./wire.ts";

/** Token that a model wrote, as its server tells it. */
export interface WrittenToken {
  readonly text: string;
  /** Its bytes in UTF-8, where the server gives them. */
  readonly bytes?: readonly number[] | undefined;
  readonly logprob: number;
}

/** Token of an answer: its place in the answer's text, in bytes of UTF-8. */
export interface AnswerToken {
  readonly start: number;
  readonly end: number;
  readonly logprob: number;
}

// ---- asking

type ProviderOptions = ModelCall["providerOptions"];

/** OpenAI's models that think: they refuse to tell log-probabilities, and refusing takes a call. */
const thinking = /^(?:o\d|gpt-5(?!.*chat)|codex|computer-use)/;

/** Returns the options by which a provider package asks its server for log-probabilities; other packages read none of them. */
export function askForLogprobs({ provider, modelId }: LanguageModelV4, given: ProviderOptions): ProviderOptions {
  const [name = "", api] = provider.split(".");
  if (api === "responses" || (api === "batch" && name === "openai")) {
    if (thinking.test(modelId)) return given;
    const option = name === "azure" && given?.["azure"] ? "azure" : "openai";
    const asked = (given?.[option]?.["include"] ?? []) as string[];
    return { ...given, [option]: { ...given?.[option], include: [...new Set([...asked, ofOutputText])] } };
  }
  if (api !== "chat" || (name === "openai" && thinking.test(modelId))) return given;
  const option = name.replace(/[_-]([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { ...given, [option]: { logprobs: true, ...given?.[option] } };
}

const ofOutputText = "message.output_text.logprobs";

/** Google's API has log-probabilities, and its provider package has no option for them: they are asked for in the body. */
export function askGoogleForLogprobs({ provider }: LanguageModelV4, init: RequestInit | undefined) {
  if (!/^google\b/.test(provider) || typeof init?.body !== "string") return init;
  const body = fieldsOf(JSON.parse(init.body));
  if (!body || !("contents" in body)) return init;
  const generationConfig = { responseLogprobs: true, ...fieldsOf(body["generationConfig"]) };
  return { ...init, body: JSON.stringify({ ...body, generationConfig }) };
}

/** Remarks of a provider package on a parameter that only we have asked for. */
export function isOnLogprobs(warning: string): boolean {
  return /log_?probs/i.test(warning);
}

// ---- recordings

/** Tokens as a recording has them: start, end, log-probability. */
export type RecordedTokens = readonly (readonly [start: number, end: number, logprob: number])[];

const ownName = "steer";

/** Metadata by which a model of ours hands on the tokens of a recorded answer. */
export function metadataOf(tokens: RecordedTokens | undefined): { providerMetadata?: { steer: { tokens: any } } } {
  return tokens ? { providerMetadata: { [ownName]: { tokens } } } : {};
}

/** Reads what `metadataOf` wrote. */
export function recordedTokens(metadata: Record<string, any> | undefined): AnswerToken[] | undefined {
  const tokens = metadata?.[ownName]?.["tokens"] as RecordedTokens | undefined;
  return tokens?.map(([start, end, logprob]) => ({ start, end, logprob }));
}

// ---- placing

/**
 * Finds the place of each token in the text of an answer. Servers tell tokens of thoughts before the answer too, and marks
 * that end it, and have several ways to write a token that is a part of a character.
 *
 * @returns `undefined` where the tokens are not those of the text
 */
export function placeTokens(tokens: readonly WrittenToken[], text: string): AnswerToken[] | undefined {
  if (tokens.length === 0 || text === "") return undefined;
  const whole = Buffer.from(text);
  for (const bytesOf of [asTold, asWritten, asEscaped]) {
    const pieces = tokens.map(bytesOf);
    const start = Buffer.concat(pieces).lastIndexOf(whole);
    if (start >= 0) return within(tokens, pieces, start, whole.length);
  }
  return placeBetween(tokens, whole);
}

function asTold({ text, bytes }: WrittenToken): Buffer {
  return bytes ? Buffer.from(bytes) : Buffer.from(text);
}

function asWritten({ text }: WrittenToken): Buffer {
  return Buffer.from(text);
}

/** Bytes of a part of a character: `\xe2\x80`, also after `bytes:`, and `<0xE2>`. A space may be a sign of its own. */
function asEscaped({ text }: WrittenToken): Buffer {
  const pieces = text
    .replace(/^bytes:/, "")
    .replace(/[▁Ġ]/g, " ")
    .split(/(\\x[\da-f]{2}|<0x[\da-f]{2}>)/i);
  return Buffer.concat(
    pieces.map((piece, at) => {
      const isByte = at % 2 === 1;
      return isByte ? Buffer.from(/[\da-f]{2}(?=>?$)/i.exec(piece)?.[0] as string, "hex") : Buffer.from(piece);
    }),
  );
}

function within(tokens: readonly WrittenToken[], pieces: readonly Buffer[], from: number, length: number) {
  const placed: AnswerToken[] = [];
  let at = -from;
  for (const [index, { logprob }] of tokens.entries()) {
    const start = at;
    at += (pieces[index] as Buffer).length;
    if (at > 0 && start < length && at > start)
      placed.push({ start: Math.max(0, start), end: Math.min(length, at), logprob });
  }
  return placed;
}

const lostCharacter = Buffer.from("\ufffd");
/** Longest character in UTF-8. */
const longestCharacter = 4;

/** Places tokens of which some are parts of characters that the server could not write: they stand between the others. */
function placeBetween(tokens: readonly WrittenToken[], whole: Buffer): AnswerToken[] | undefined {
  const placed: AnswerToken[] = [];
  let lost: WrittenToken[] = [];
  let at = 0;
  for (const token of [...tokens, undefined]) {
    const bytes = token && asWritten(token);
    if (token && bytes?.includes(lostCharacter)) {
      lost.push(token);
      continue;
    }
    const start = bytes ? whole.indexOf(bytes, at) : whole.length;
    const longest = lost.reduce((sum, { text }) => sum + longestCharacter * text.length, 0);
    if (start < at || start - at > longest) return undefined;
    for (const { logprob } of lost) placed.push({ start: at, end: start, logprob });
    lost = [];
    at = start + (bytes?.length ?? 0);
    if (token) placed.push({ start, end: at, logprob: token.logprob });
  }
  return placed;
}

// ---- fields

/** An answer of more leaves has no log-probabilities: they would outweigh it. */
const mostLeaves = 1_000;

/**
 * Returns the mean log-probability of the tokens of each leaf of an answer.
 *
 * @param places of the leaves in the text, by JSON pointer, in its characters
 * @returns `undefined` where no leaf has any
 */
export function meanLogprobs(
  tokens: readonly AnswerToken[],
  text: string,
  places: ReadonlyMap<string, readonly [start: number, end: number]>,
): Record<string, number> | undefined {
  if (places.size > mostLeaves) return undefined;
  const means: [pointer: string, mean: number][] = [];
  let [characters, bytes, first] = [0, 0, 0];
  for (const [pointer, [from, to]] of [...places].sort(([, a], [, b]) => a[0] - b[0])) {
    bytes += Buffer.byteLength(text.slice(characters, from));
    characters = from;
    const end = bytes + Buffer.byteLength(text.slice(from, to));
    while (first < tokens.length && (tokens[first] as AnswerToken).end <= bytes) first++;
    let [sum, count] = [0, 0];
    for (let at = first; at < tokens.length && (tokens[at] as AnswerToken).start < end; at++) {
      sum += (tokens[at] as AnswerToken).logprob;
      count++;
    }
    if (count > 0 && Number.isFinite(sum)) means.push([pointer, Number((sum / count).toFixed(6))]);
  }
  return means.length === 0 ? undefined : Object.fromEntries(means);
}
