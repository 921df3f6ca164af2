import * as v from "valibot";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import { snapshot } from "../../core/canonical.ts";
import { CommandError, parseJson } from "../faults.ts";
import { type Line, readBytes, readLines } from "../input/input.ts";
import { counted, hasConfidence, showShare } from "../progress/format.ts";

/** A bundle out of a file. */
export interface OpenedBundle {
  readonly bundle: EvidenceBundle;
  /** Its place, for people. */
  readonly place: string;
  /** The input, where the file says so. */
  readonly input?: unknown;
  /** Output of the run, where the file has it. */
  readonly output?: unknown;
}

/**
 * The bundle in a file: a bundle, an output that holds one, or something with such an output in it, as a line of
 * `steer run` and a key of `steer store show --json` have.
 *
 * @param file a path, or `-` for standard input
 * @param line from 1, of a file with more than one
 * @throws CommandError where there is none
 */
export async function openBundle(file: string, line?: number | undefined): Promise<OpenedBundle> {
  const name = file === "-" ? "stdin" : file;
  const chunks: AsyncIterable<Uint8Array> = file === "-" ? process.stdin : readBytes(file);
  const { text, firstLine, isOneOfMany } = await chooseDocument(readLines(chunks, name), name, line);
  const place = isOneOfMany ? `${name}:${firstLine}` : name;
  return { place, ...bundleIn(parseJson(text, name, { firstLine }), place) };
}

function bundleIn(value: unknown, place: string): Omit<OpenedBundle, "place"> {
  const holder = value as Partial<Record<string, any>> | null;
  const contents = [holder?.["output"]?.content, holder?.["content"]];
  const candidates = [...contents.map((content) => content?.evidenceBundle), holder];
  const found = candidates.find((candidate) => Array.isArray(candidate?.replicates));
  if (found === undefined) throw new CommandError(`${place} holds no evidence bundle${reasonIn(holder)}.`);
  const bundle = snapshot(found, place);
  const fault = bundleFault(bundle);
  if (fault !== undefined) throw new CommandError(`${place} holds no whole evidence bundle: ${fault}.`);
  return {
    bundle: bundle as EvidenceBundle,
    ...(holder !== found && holder?.["input"] !== undefined && { input: holder["input"] }),
    ...(holder !== found && { output: holder?.["output"] ?? holder }),
  };
}

/** Returns the reason why a line of an output file has none, if it says so. */
function reasonIn(holder: Partial<Record<string, any>> | null): string {
  const { type, message } = holder?.["error"] ?? Object.values(holder?.["output"]?.errors ?? {})[0] ?? {};
  return typeof message === "string" ? `: the run ended with ${type}: ${message}` : "";
}

/** The file holds several answers, and none is named. */
export class SeveralAnswers extends CommandError {}

/** A JSON text, and where it begins. */
export interface ChosenDocument {
  readonly text: string;
  readonly firstLine: number;
  /** True where the file holds one JSON value a line. */
  readonly isOneOfMany: boolean;
}

/**
 * The JSON text in a file that holds one document, or one a line.
 *
 * @param wanted the line, from 1, of a file with more than one
 * @throws CommandError where the line is not there, or is not named and there are several
 */
async function chooseDocument(
  lines: AsyncIterable<Line>,
  name: string,
  wanted: number | undefined,
): Promise<ChosenDocument> {
  return wanted === undefined ? onlyDocument(lines, name) : documentOnLine(lines, name, wanted);
}

async function documentOnLine(lines: AsyncIterable<Line>, name: string, wanted: number): Promise<ChosenDocument> {
  let last = 0;
  for await (const { number, text } of lines) {
    if (number === wanted && text.trim() !== "") return { text, firstLine: number, isOneOfMany: true };
    last = number;
  }
  throw new CommandError(`${name} has no answer on line ${wanted}: it has ${counted(last, "line")}.`);
}

async function onlyDocument(lines: AsyncIterable<Line>, name: string): Promise<ChosenDocument> {
  const document: string[] = [];
  let survey: LineSurvey | undefined;
  for await (const { number, text } of lines) {
    if (survey) survey.add(number, text);
    else if (document.every((line) => line.trim() === "") && parsed(text)) survey = new LineSurvey(number, text);
    else document.push(text);
  }
  if (survey) return survey.only(name);
  return { text: document.join("\n"), firstLine: 1, isOneOfMany: false };
}

/** A file of one value a line, of which only the first one is held: it may be of any size. */
class LineSurvey {
  readonly #first: ChosenDocument;
  #answers = 0;
  #leastSure = { line: 0, confidence: Number.POSITIVE_INFINITY };

  constructor(number: number, text: string) {
    this.#first = { text, firstLine: number, isOneOfMany: false };
    this.add(number, text);
  }

  add(line: number, text: string): void {
    if (text.trim() === "") return;
    this.#answers++;
    const answer = parsed(text);
    const confidence = answer?.confidence;
    const isLess = typeof confidence === "number" && confidence < this.#leastSure.confidence;
    if (isLess && hasConfidence(answer?.output?.content?.evidenceBundle?.summary ?? {}))
      this.#leastSure = { line, confidence };
  }

  only(name: string): ChosenDocument {
    if (this.#answers === 1) return this.#first;
    const { line, confidence } = this.#leastSure;
    const leastSure = line === 0 ? "" : ` The least sure is --line ${line} (confidence ${showShare(confidence)}).`;
    throw new SeveralAnswers(`${name} holds ${counted(this.#answers, "answer")}: choose one with --line.${leastSure}`);
  }
}

interface ParsedLine {
  readonly confidence?: unknown;
  readonly output?: { readonly content?: { readonly evidenceBundle?: Pick<EvidenceBundle, "summary"> } };
}

function parsed(text: string): ParsedLine | undefined {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
}

/**
 * Shape of a bundle as views read it. It is only held against a value, whose own fields are then used: objects whose keys come
 * from models are checked by their values, since any key may stand in them.
 */
const number = v.number("a number");
const text = v.string("a text");
const flag = v.boolean("true or false");
const texts = v.array(text, "a list of texts");
const share = v.custom<number>((value) => typeof value === "number" && value >= 0 && value <= 1, "a share from 0 to 1");
const support = v.custom<number>((value) => typeof value === "number" && value >= 0, "a number of votes");
const dollars = v.nullish(v.number("a number of dollars, or null"));
const vote = v.object({ support }, "a value with its votes");
const usage = v.object({ totalTokens: number }, "token counts");

const replicate = v.object(
  {
    id: text,
    valid: flag,
    seed: number,
    model: text,
    elapsedMs: number,
    attempts: number,
    usage: v.optional(usage),
    costUsd: dollars,
    quality: v.object({ errors: v.optional(texts), warnings: v.optional(texts) }, "an object"),
  },
  "a replicate",
);

const field = v.object(
  { tied: flag, support, confidence: share, stability: share, distribution: v.array(vote, "a list of votes") },
  "a field's summary",
);

const disagreement = v.object(
  {
    path: text,
    tied: flag,
    values: v.array(v.object({ support, replicateIds: texts }, "a value with its replicates"), "a list of values"),
  },
  "a disagreement",
);

const shape = v.object(
  {
    meta: v.object(
      {
        task: text,
        k: number,
        model: text,
        seeds: v.array(number, "a list of seeds"),
        earlyStopReason: v.optional(text),
        totalElapsedMs: number,
        schemaUri: v.optional(text),
        schemaFingerprint: v.optional(text),
        source: v.picklist(["live", "recorded", "simulated"], '"live", "recorded" or "simulated"'),
        escalations: v.optional(
          v.array(v.object({ from: text, replicateIds: texts, confidence: share }, "an escalation"), "a list"),
        ),
      },
      "an object",
    ),
    replicates: v.array(replicate, "a list of replicates"),
    summary: v.object(
      {
        medoidId: v.optional(text),
        disagreements: v.array(disagreement, "a list of disagreements"),
        pairwiseDistance: v.nullish(v.array(v.array(v.nullable(share), "a row of distances"), "a matrix of distances")),
        confidence: share,
        calibratedConfidence: v.optional(share),
        weakest: share,
        stability: share,
        fields: v.pipe(
          v.custom<object>((value) => typeof value === "object" && value !== null, "an object of fields"),
          v.transform(Object.values),
          v.array(field),
        ),
        validCount: number,
        invalidCount: number,
      },
      "an object",
    ),
    costTotalUsd: dollars,
  },
  "an object",
);

/** Names what a value lacks to be a bundle, and where, as a phrase; `undefined` for a bundle. */
export function bundleFault(value: unknown): string | undefined {
  const { success, issues } = v.safeParse(shape, value, { abortEarly: true });
  if (success) return undefined;
  const [issue] = issues;
  return `${v.getDotPath(issue) ?? "it"} has to be ${issue.message}`;
}
