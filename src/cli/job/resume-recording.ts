import type { LanguageModelLike } from "../../contract/model.ts";
import { RecordedAnswerMissingError } from "../../provider/recorded.ts";

/** Gives the answers that were recorded before, and asks for the others: an answer that was paid for is not asked twice. */
export function resumeRecording(earlier: LanguageModelLike, recording: LanguageModelLike): LanguageModelLike {
  return {
    ...recording,
    async doGenerate(options) {
      try {
        return await earlier.doGenerate(options);
      } catch (error) {
        if (error instanceof RecordedAnswerMissingError) return recording.doGenerate(options);
        throw error;
      }
    },
  };
}
