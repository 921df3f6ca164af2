import { createReadStream } from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../command-error.ts";

/**
 * The bytes of a file, as they come.
 *
 * @throws CommandError where it cannot be read
 */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function unreadable(path: string, error: unknown): CommandError {
  return new CommandError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
}
