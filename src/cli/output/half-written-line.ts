import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

const chunkBytes = 65_536;

/**
 * Puts the end of a file of JSON lines in order after its writer was killed: a last line that is whole but for its line
 * break gets it, and one that was cut short is taken away.
 */
export function mendLastLine(path: string): void {
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
