import { locateJsonFault } from "./json-fault.ts";
import { lineOf, positionAt, SourceFault } from "./source-fault.ts";

/**
 * A JSON text of a file.
 *
 * @param firstLine the line of the file on which the text begins, from 1
 * @param hint what else to say of a fault
 * @throws SourceFault with the line and the column of the fault
 */
export function parseJson(text: string, file: string, { firstLine = 1, hint = "" } = {}): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { offset, reason } = locateJsonFault(text, error);
    const { line, column } = positionAt(text, offset);
    throw new SourceFault(file, { line: firstLine + line - 1, column }, reason + hint, lineOf(text, line));
  }
}
