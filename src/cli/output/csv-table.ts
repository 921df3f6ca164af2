import { once } from "node:events";
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import type { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { WholeJob } from "../../calibration/job-calibrations.ts";
import { type InputFacts, readLines } from "../input/input.ts";
import { hasConfidence } from "../progress/format.ts";
import { bundleIn, inDigits, type OutputLine } from "./output-line.ts";
import { unwritable } from "./output-log.ts";

/** A table of the answers of a job, made of its output file. */
export interface CsvTable {
  readonly path: string;
  /** Output file that holds the answers. */
  readonly journal: string;
  /** Facts of the inputs, read by the time that the table is written: their columns come first, with their separator. */
  readonly facts: InputFacts;
  /** Default: that of the inputs, else a comma. */
  readonly separator?: string | undefined;
  /** Judges each answer by those of the whole job, as `steer report` does. */
  readonly calibrations: Pick<CalibrationStore, "wholeJob">;
  /** Confidence below which an answer is marked. Default: as the lines say. */
  readonly minConfidence?: number | undefined;
}

/**
 * Writes the answers of an output file as a table, in the order of the inputs: the columns of the input, then the fields of
 * the consensus, then confidence, status, flags and error. The table replaces the one before in one step.
 *
 * @throws CommandError where it cannot be written
 */
export async function writeCsvTable(table: CsvTable): Promise<void> {
  const plan = await planTable(table);
  const temporary = `${table.path}.tmp`;
  const journal = openSync(table.journal, "r");
  try {
    const file = createWriteStream(temporary, { flush: true, mode: 0o600 });
    const failed = once(file, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    const write = async (cells: readonly string[]) => {
      if (!file.write(`${cells.map((cell) => quoted(cell, plan.separator)).join(plan.separator)}\r\n`))
        await Promise.race([once(file, "drain"), failed]);
    };
    if (plan.isBeyondAscii) file.write("\ufeff");
    await write(plan.header);
    for (const { offset, length } of plan.lines) {
      const line = lineAt(journal, offset, length);
      await write(cellsOf(line, plan, await judged(line, plan)));
    }
    file.end();
    await Promise.race([once(file, "close"), failed]);
    renameSync(temporary, table.path);
  } catch (error) {
    throw unwritable(table.path, error, `The answers are in ${table.journal}; the same command writes the table.`);
  } finally {
    closeSync(journal);
  }
}

/** Returns true where a table is due: something was answered, or there are answers and no table. */
export function isTableDue({ path, journal }: Pick<CsvTable, "path" | "journal">, settledCount: number): boolean {
  if (settledCount > 0) return true;
  return !existsSync(path) && (statSync(journal, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

interface TablePlan {
  readonly separator: string;
  readonly header: readonly string[];
  readonly inputColumns: readonly string[];
  readonly fields: readonly string[];
  /** Places of the lines in the output file, in the order of the inputs. */
  readonly lines: readonly { index: number; offset: number; length: number }[];
  /** A spreadsheet reads such a table right by a byte order mark alone. */
  readonly isBeyondAscii: boolean;
  /** Lines say which answers are accepted. */
  readonly hasVerdicts: boolean;
  readonly whole: WholeJob;
  readonly minConfidence: number | undefined;
}

/** Reads the output file once for the columns and the places of its lines. */
async function planTable(table: CsvTable): Promise<TablePlan> {
  const { journal, facts, separator = facts.separator ?? ",", minConfidence } = table;
  const { columns } = facts;
  const whole = await table.calibrations.wholeJob();
  const inputColumns = new Set(columns);
  const fields = new Set<string>();
  const lines: { index: number; offset: number; length: number }[] = [];
  let [offset, isBeyondAscii, hasVerdicts] = [0, false, false];
  for await (const { text } of readLines(createReadStream(journal), journal)) {
    const length = Buffer.byteLength(text);
    isBeyondAscii ||= length !== text.length;
    const line = JSON.parse(text) as OutputLine;
    hasVerdicts ||= line.accepted !== undefined;
    if (!columns) for (const name of Object.keys(asRecord(line.input, "input"))) inputColumns.add(name);
    for (const name of Object.keys(fieldsOf(line))) fields.add(name);
    const bundle = bundleIn(line);
    if (bundle?.summary.confidenceBasis) whole.observe(bundle);
    lines.push({ index: line.index, offset, length });
    offset += length + 1;
  }
  const taken = new Set(inputColumns);
  const last = hasVerdicts ? lastColumns : lastColumns.filter((name) => name !== "accepted");
  const header = [...inputColumns, ...[...fields, ...last].map((name) => asText(freeName(name, taken)))];
  return {
    separator,
    header,
    inputColumns: [...inputColumns],
    fields: [...fields],
    lines: lines.toSorted((one, other) => one.index - other.index),
    isBeyondAscii,
    hasVerdicts,
    whole,
    minConfidence,
  };
}

const lastColumns = ["confidence", "accepted", "status", "flags", "error"];

/** A name that the input has already gets `steer.` before it. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free)) free = `steer.${free}`;
  taken.add(free);
  return free;
}

function lineAt(file: number, offset: number, length: number): OutputLine {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  return JSON.parse(bytes.toString("utf8")) as OutputLine;
}

interface JudgedLine {
  readonly confidence: number | undefined;
  /** False where one answer tells nothing of how sure it is: its cell is empty. */
  readonly isShown: boolean;
}

/** Confidence by the answers of the whole job; that of the line where a tool said it by itself. */
async function judged(line: OutputLine, { whole }: TablePlan): Promise<JudgedLine> {
  if (line.status === "rejected") return { confidence: undefined, isShown: false };
  const bundle = bundleIn(line);
  if (!bundle?.summary.confidenceBasis)
    return { confidence: line.calibratedConfidence ?? line.confidence, isShown: true };
  await whole.judge(bundle);
  return { confidence: bundle.summary.confidence, isShown: hasConfidence(bundle.summary) };
}

function cellsOf(line: OutputLine, plan: TablePlan, { confidence, isShown }: JudgedLine): string[] {
  const { inputColumns, fields } = plan;
  const input = asRecord(line.input, "input");
  const answer = fieldsOf(line);
  return [
    ...inputColumns.map((name) => plain(Object.hasOwn(input, name) ? input[name] : undefined)),
    ...fields.map((name) => fromModel(Object.hasOwn(answer, name) ? answer[name] : undefined)),
    plain(isShown && confidence !== undefined ? inDigits(confidence) : undefined),
    ...(plan.hasVerdicts ? [plain(line.accepted)] : []),
    line.status,
    fromModel(flagsOf(line, plan.minConfidence, confidence).join(" ")),
    fromModel(errorOf(line)),
  ];
}

/** The consensus by field: `city`, `address.city`. A list is one cell of JSON; an answer that has no fields is `answer`. */
function fieldsOf(line: OutputLine): Record<string, unknown> {
  const consensus = line.status === "rejected" ? undefined : line.consensus;
  if (consensus === undefined || consensus === null) return {};
  return asRecord(flattened(consensus), "answer");
}

function flattened(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const inside = flattened(item);
    if (!isRecord(inside)) return [[key, inside]];
    return Object.entries(inside).map(([name, one]) => [`${key}.${name}`, one]);
  });
  return Object.fromEntries(entries);
}

function asRecord(value: unknown, name: string): Record<string, unknown> {
  return isRecord(value) ? value : { [name]: value };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function flagsOf(line: OutputLine, minimum: number | undefined, confidence: number | undefined): string[] {
  if (line.status === "rejected") return [];
  const { disagreements = [] } = bundleIn(line)?.summary ?? {};
  const contested = disagreements.map(({ path }) => `contested:${path || "/"}`);
  const isMarked = line.output.metadata?.["belowMinConfidence"] === true;
  const isBelow = minimum === undefined || confidence === undefined ? isMarked : confidence < minimum;
  return [...(isBelow ? ["below-min-confidence"] : []), ...contested];
}

function errorOf(line: OutputLine): string {
  if (line.status === "rejected") return line.error.message;
  return Object.values(line.output.errors ?? {})
    .map(({ message }) => message)
    .join("; ");
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * A text of a model that a spreadsheet would take for a formula begins with an apostrophe. Numbers are left alone.
 * Control characters, which no table holds and a terminal would obey, are left out: the lines beside the table have them.
 */
function fromModel(value: unknown): string {
  return typeof value === "string" ? asText(value.replace(controlCharacter, "")) : plain(value);
}

/** Any but a tab and the ends of a line. */
const controlCharacter = /(?![\t\r\n])\p{Cc}/gu;

function asText(text: string): string {
  const isNumber = /^[+-]?\d+([.,]\d+)*(e[+-]?\d+)?%?$/i.test(text);
  return /^[=+\-@＝＋－＠\t\r\n]/.test(text) && !isNumber ? `'${text}` : text;
}

function quoted(cell: string, separator: string): string {
  const isPlain = !cell.includes(separator) && !/["\r\n]|^\s|\s$/.test(cell);
  return isPlain ? cell : `"${cell.replaceAll('"', '""')}"`;
}
