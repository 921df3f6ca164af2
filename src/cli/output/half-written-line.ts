import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { isJson } from "../../core/json.ts";
import { CommandError } from "../command-error.ts";

const chunkBytes = 65_536;

/**
 * Puts the end of a file of JSON lines in order after its writer was killed: a last line that is whole but for its line
 * break gets it, and one that was cut short is taken away.
 *
 * @param beginning how each line of such a file begins
 * @throws CommandError for a file that begins otherwise, and is left alone
 */
export function mendLastLine(path: string, beginning: string): void {
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    assertBeginning(file, beginning, path);
    const start = startOfLastLine(file, size);
    if (start === size) return;
    const last = Buffer.alloc(size - start);
    readSync(file, last, 0, last.length, start);
    if (isJson(last.toString("utf8"))) writeSync(file, "\n", size);
    else ftruncateSync(file, start);
  } finally {
    closeSync(file);
  }
}

function assertBeginning(file: number, beginning: string, path: string): void {
  const head = Buffer.alloc(Buffer.byteLength(beginning));
  const length = readSync(file, head, 0, head.length, 0);
  if (beginning.startsWith(head.toString("utf8", 0, length))) return;
  throw new CommandError(`${path} was not written by this command, and is left alone. Give another --output.`);
}

/** Where the bytes after the last line break begin. */
function startOfLastLine(file: number, size: number): number {
  const chunk = Buffer.alloc(chunkBytes);
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const length = readSync(file, chunk, 0, end - start, start);
    const lineBreak = chunk.subarray(0, length).lastIndexOf("\n");
    if (lineBreak >= 0) return start + lineBreak + 1;
  }
  return 0;
}
