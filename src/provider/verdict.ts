import type { LanguageModelV4, LanguageModelV4FinishReason } from "@ai-sdk/provider";
import { failedAnswer, pausedAnswer, refusedAnswer, StreamCutError, unknownEnding } from "./answer-error.ts";
import { type Ending, endingOf, isNoWord } from "./endings.ts";
import type { Said } from "./wire.ts";

/** End of an answer, in the server's own words and in those of its provider package. */
export interface End extends Pick<Said, "protocol" | "words" | "isRefused"> {
  readonly unified: LanguageModelV4FinishReason["unified"];
  readonly raw: string | undefined;
  /** A whole body, and no stream. */
  readonly isWhole: boolean;
}

/** Verdict on an answer that may be read. */
export interface Verdict {
  readonly finishReason: { readonly unified: string; readonly raw?: string };
  /** A limit ended it: what is broken in it may not be mended. */
  readonly isCutOff: boolean;
}

/**
 * Decides whether an answer may be read. The server's word comes before the unified reason of its package, which folds words of
 * failures and pauses into `other` or even `stop`.
 *
 * @param characters of the answer, for the error
 * @param previousError of the attempt before: what nothing explains is asked for once more and no oftener
 * @throws AnswerError for an answer that was refused, failed or paused, or that ended with an unknown word or with none
 */
export function judge(
  model: Pick<LanguageModelV4, "provider" | "modelId">,
  end: End,
  characters: number,
  previousError?: unknown,
): Verdict {
  const words = end.words.length > 0 || isNoWord(end.raw) ? end.words : [end.raw as string];
  if (end.isRefused || end.unified === "content-filter")
    throw refusedAnswer(model, endingOf(words[0] ?? "")?.ending === "complete" ? undefined : words[0]);
  const known = words.map(endingOf);
  const worst = known.find((row) => row && row.ending !== "complete") ?? known.find((row) => row);
  const word = words[worst ? known.indexOf(worst) : 0];
  const ending = worst?.ending ?? endingWithoutWord(end, word);
  switch (ending) {
    case "complete":
    case "cut_off":
      return toVerdict(ending, end, word);
    case "refused":
      throw refusedAnswer(model, word);
    case "failed":
      throw word === undefined || worst === undefined
        ? new StreamCutError(model, characters)
        : failedAnswer(model, word, worst.status ?? 500);
    case "paused":
      throw pausedAnswer(model, word as string, previousError);
    default:
      throw unknownEnding(model, word ?? end.unified, previousError);
  }
}

function toVerdict(ending: Ending, { unified }: End, word: string | undefined): Verdict {
  const isCutOff = ending === "cut_off";
  const reason = isCutOff ? "length" : unified === "tool-calls" ? unified : "stop";
  return { finishReason: { unified: reason, ...(word !== undefined && { raw: word }) }, isCutOff };
}

/**
 * Meaning of an ending of which the table knows no word. The unified reason decides for the packages of APIs that are not known
 * here, whose words are theirs to read.
 *
 * @returns `undefined` for a word that nothing explains
 */
function endingWithoutWord({ protocol, unified, isWhole }: End, word: string | undefined): Ending | undefined {
  if (unified === "error" || unified === "interrupted") return "failed";
  if (protocol !== undefined) {
    if (word !== undefined) return undefined;
    // Small servers leave the field out of a whole body. Every stream has it, and so have the other APIs.
    const mayBeSilent = protocol === "chat" || (protocol === "responses" && unified === "stop");
    return isWhole && mayBeSilent ? "complete" : "failed";
  }
  if (unified === "length") return "cut_off";
  return unified === "stop" || unified === "tool-calls" ? "complete" : undefined;
}
