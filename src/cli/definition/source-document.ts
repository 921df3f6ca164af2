import { type Document, isMap, isPair, LineCounter, parseDocument } from "yaml";
import { CommandError, lineOf, type Position, parseJson, SourceFault } from "../faults.ts";

/** A JSON or YAML file whose values know where they stand. */
export interface SourceDocument {
  readonly value: unknown;
  /** A fault of the entry under a path of keys: its place is the key's, or that of the nearest entry around it. */
  fault(path: readonly string[], message: string): SourceFault;
}

/**
 * Reads JSON strictly, and YAML 1.2.
 *
 * @throws SourceFault with the line and the column where the text is broken
 */
export function parseSource(text: string, file: string): SourceDocument {
  if (file.endsWith(".json")) parseJson(text, file);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: "error" });
  const faultAt = (offset: number, message: string) => {
    const { line, col } = lineCounter.linePos(offset);
    const position: Position = { line: Math.max(1, line), column: Math.max(1, col) };
    return new SourceFault(file, position, message, lineOf(text, position.line));
  };
  const [broken] = document.errors;
  if (broken) throw faultAt(broken.pos[0], adviceFor(broken.message));
  return { value: toValue(document, file), fault: (path, message) => faultAt(offsetOf(document, path), message) };
}

/** Faults that the parser describes to programmers, or without what to do. */
const advices: readonly (readonly [RegExp, string])[] = [
  [/^Nested mappings/, 'a colon with a space behind it makes a key of this text. Quote it: "Note: be brief"'],
  [/^Map keys must be unique/, "this key is there already. Remove one of them"],
  [/multiple documents/, "a second document begins here. Give each tool a file of its own, or remove the line ---"],
  [/^Unexpected scalar at node end/, "this text follows a value that has ended. Quote the whole value"],
  [/^Tabs are not allowed/, "a tab stands at the beginning of the line. Put spaces in its place"],
];

function adviceFor(message: string): string {
  return advices.find(([pattern]) => pattern.test(message))?.[1] ?? message;
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new CommandError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

function offsetOf(document: Document, path: readonly string[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => String(key) === path[depth - 1]) : undefined;
    const node = isPair(pair) ? pair.key : document.getIn(path.slice(0, depth), true);
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range?.[0] !== undefined) return range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
