import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import { acceptRequest } from "../../orchestrate/tool-input.ts";
import { findDataFault } from "../data-fault.ts";
import { CommandError } from "../faults.ts";
import { readCsv, readTsv } from "./csv.ts";
import { type FileKind, foreignKindOf, kindOfExtension } from "./file-kind.ts";
import { readJsonDocument, readJsonLines, readText } from "./formats.ts";
import { type Input, type InputFacts, type InputReader, type InputSource, readBytes, unreadable } from "./input.ts";

export const inputFormats = ["jsonl", "json", "csv", "tsv", "text"] as const;
export type InputFormat = (typeof inputFormats)[number];

const formatOfExtension: Record<string, InputFormat> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".tab": "tsv",
  ".txt": "text",
};

const readers: Record<InputFormat, InputReader> = {
  jsonl: readJsonLines,
  json: readJsonDocument,
  csv: readCsv,
  tsv: readTsv,
  text: readText,
};

export interface InputChoice {
  /** A file, `-` for standard input, or JSON. Default: standard input where it is not a terminal. */
  readonly input?: string | undefined;
  /** Default: by the file's extension; `jsonl` for standard input. */
  readonly format?: InputFormat | undefined;
}

type StandardInput = AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };

/**
 * Finds the inputs of a job without reading them yet.
 *
 * @param variables of the tool's files: a folder gives its files as the only one
 * @throws CommandError where there are none, or they are in no known format
 */
export function openInputs(
  { input, format }: InputChoice,
  stdin: StandardInput,
  variables: readonly string[] = [],
): InputSource {
  if (input === undefined && stdin.isTTY) {
    throw new CommandError(
      "No input was given. Give --input FILE, a pipe, or --input '{\"name\": \"value\"}' ('{}' for a prompt without variables).",
    );
  }
  if (input === undefined || input === "-")
    return createSource("stdin", false, () => stdin, readers[format ?? "jsonl"]);
  if (isInlineJson(input)) return createSource("--input", true, () => toChunks(input), readJsonDocument);
  if (isFolder(input)) return openFolder(input, variables);
  return createSource(input, isRegularFile(input), () => readBytes(input), readers[format ?? formatOf(input)]);
}

/** Gives the files of a folder, by name. Hidden ones, and folders inside, are left out. */
function openFolder(folder: string, variables: readonly string[]): InputSource {
  const [variable, ...others] = variables;
  if (variable === undefined || others.length > 0) {
    throw new CommandError(
      `${folder} is a folder. The files of a folder are inputs of a tool file with files: "{{path}}", and no other variable in it.`,
    );
  }
  const reader: InputReader = async function* () {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      if (!entry.isDirectory()) yield { request: { [variable]: entry.name }, place: join(folder, entry.name) };
    }
  };
  return createSource(folder, true, () => toChunks(""), reader);
}

/** Folder in which the relative paths of inputs begin: that of their file, or the one that they are. */
export function folderOf(input: string | undefined): string {
  if (input === undefined || input === "-" || isInlineJson(input)) return ".";
  return isFolder(input) ? input : dirname(input);
}

/** Tells a folder; what cannot be read is named where it is opened. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isInlineJson(input: string): boolean {
  return /^\s*[[{"]/.test(input);
}

function isRegularFile(path: string): boolean {
  try {
    const found = statSync(path);
    return found.isFile();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function formatOf(path: string): InputFormat {
  const extension = extname(path).toLowerCase();
  const format = formatOfExtension[extension];
  if (format === "text" && isTabbed(headOf(path))) {
    throw new CommandError(
      `${path} looks like a table that tabs separate, as spreadsheets write it. Give --format tsv, or --format text for one input a line.`,
    );
  }
  if (format) return format;
  const foreign = foreignKindOf(headOf(path)) ?? kindOfExtension(extension);
  if (foreign) throw notInputs(path, foreign);
  const known = Object.keys(formatOfExtension).join(", ");
  throw new CommandError(
    `${path}: its name does not say what is in it (${known} do). Give --format ${inputFormats.join(", --format ")}.`,
  );
}

/** Tells a table by two first lines that have equally many tabs. */
function isTabbed(head: Uint8Array): boolean {
  const encoding = head[0] === 0xff && head[1] === 0xfe ? "utf-16le" : "utf-8";
  const [names = "", row = ""] = new TextDecoder(encoding).decode(head).split(/\r\n|\n|\r/);
  return names.includes("\t") && names.split("\t").length === row.split("\t").length;
}

function headOf(path: string): Uint8Array {
  const head = Buffer.alloc(4096);
  const file = openSync(path, "r");
  try {
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } finally {
    closeSync(file);
  }
}

function notInputs(path: string, { name, advice }: FileKind): CommandError {
  return new CommandError(`${path} is ${name}. ${advice.replace("FILE", path)}.`);
}

function createSource(
  name: string,
  isRepeatable: boolean,
  open: () => AsyncIterable<Uint8Array>,
  reader: InputReader,
): InputSource {
  const facts: InputFacts = {};
  return {
    name,
    isRepeatable,
    facts,
    async *read(): AsyncGenerator<Input> {
      let index = 0;
      facts.blankRows = 0;
      for await (const found of reader(open(), name, facts)) {
        assertData(found);
        yield { index: index++, ...found };
      }
    },
  };
}

function assertData({ request, place }: { readonly request: unknown; readonly place: string }): void {
  const fault = findDataFault(request);
  if (fault) throw new CommandError(`${place}: ${fault.message}`);
}

async function* toChunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Says which names a request has, where the tool misses one, and where a list hides the inputs. */
function namesIn(request: unknown, error: unknown): string {
  const isMissing = InvalidOptionsError.isInstance(error) && error.issues.some(({ given }) => given === undefined);
  if (!isMissing || typeof request !== "object" || request === null) return "";
  if (Array.isArray(request)) return ". This input is a list. Where each of its items is one, give --format json.";
  const names = Object.keys(request);
  const [list, ...others] = names.filter((name) => Array.isArray((request as Record<string, unknown>)[name]));
  const inside =
    list !== undefined && others.length === 0 ? ` Where the inputs are in "${list}": jq .${list} takes them out.` : "";
  return `. This input has ${names.slice(0, 20).join(", ") || "no names"}.${inside}`;
}

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
    await acceptRequest(tool, input.request).catch((error) => {
      throw new CommandError(`${input.place}: ${messageOf(error)}${namesIn(input.request, error)}`, { cause: error });
    });
    onInput(input);
    count++;
  }
  return count;
}
