import { existsSync, statSync } from "node:fs";
import type { LanguageModelLike } from "../../contract/model.ts";
import { RecordedAnswerMissingError, recordedModel } from "../../provider/recorded.ts";
import { recordingModel } from "../../provider/recording.ts";
import { resolveModel } from "../../provider/resolve.ts";
import { loadDefinition } from "../definition/load-tool.ts";
import { namesIn, toTool } from "../definition/tool-file.ts";
import { CommandError } from "../faults.ts";
import { folderOf } from "../input/open-inputs.ts";
import { lockFile, mendLastLine } from "../output/output-log.ts";
import type { JobFlags } from "./job-flags.ts";
import { runToolJob } from "./run-tool-job.ts";

/** First characters of each line of a recording. */
const beginning = '{"question":';

export type RecordFlags = JobFlags & { readonly output: string };

/**
 * `steer record`: asks K times for each input, whatever the answers say, and keeps every answer in a file.
 *
 * @returns the exit code
 * @throws CommandError for what cannot be used; what was answered by then is in the file
 */
export async function recordJob(file: string, flags: RecordFlags): Promise<number> {
  const { output, ...others } = flags;
  const definition = loadDefinition(file, flags);
  const { headers, baseUrl, apiKeyEnv } = definition;
  const [model, second] = namesIn(definition) as readonly [string, ...string[]];
  if (second !== undefined)
    throw new CommandError(`${file} names several models, and a recording is of one. Choose it with --model.`);
  const live = await resolveModel(model, { headers, baseUrl, apiKeyEnv });
  const release = await lockFile(output);
  try {
    const tool = toTool(definition, { model: await recordingInto(output, live), folder: folderOf(flags.input) });
    const code = await runToolJob({ tool, definition }, { ...others, stopping: "none" });
    process.stdout.write(`The answers are in ${output}. Replay them with --model recorded:${output}\n`);
    return code;
  } finally {
    release();
  }
}

/** The live model, every answer of which is kept in a file. Those that the file holds already are not asked for again. */
async function recordingInto(path: string, live: LanguageModelLike): Promise<LanguageModelLike> {
  const recording = recordingModel(live, path);
  if (!existsSync(path)) return recording;
  mendLastLine(path, beginning);
  if (statSync(path).size === 0) return recording;
  const earlier = await recordedModel(path);
  if (earlier.modelId === live.modelId) return resumeRecording(earlier, recording);
  throw new CommandError(`${path} holds answers of ${earlier.modelId}, not of ${live.modelId}. Give another --output.`);
}

/** Gives the answers that were recorded before, and asks for the others: an answer that was paid for is not asked twice. */
function resumeRecording(earlier: LanguageModelLike, recording: LanguageModelLike): LanguageModelLike {
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
