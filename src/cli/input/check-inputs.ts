import type { AnyTool } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { checkRequest } from "../../orchestrate/prepare-run.ts";
import { CommandError } from "../command-error.ts";
import type { Input } from "./input.ts";

/**
 * Reads all inputs once before anything is asked, so that a fault in the last one costs nothing.
 *
 * @param onInput sees each of them
 * @returns how many there are
 * @throws CommandError for the first one that cannot be read, or that the tool cannot take
 */
export async function checkInputs(
  inputs: AsyncIterable<Input>,
  tool: AnyTool,
  onInput: (input: Input) => void,
): Promise<number> {
  let count = 0;
  for await (const input of inputs) {
    await checkRequest(tool, input.request).catch((error) => {
      throw new CommandError(`${input.place}: ${messageOf(error)}`, { cause: error });
    });
    onInput(input);
    count++;
  }
  return count;
}
