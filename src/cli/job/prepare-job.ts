import { hash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, parse } from "node:path";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { defaultConfidence } from "../../contract/accept-options.ts";
import type { BundleOptions } from "../../contract/bundle-options.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { systemClock } from "../../core/clock.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import { faultsInLimits, isUnder, paceKey, type RateLimits } from "../../guard/limits.ts";
import { pathsOf } from "../../tool/prompt/prompt-files.ts";
import { templateVariables } from "../../tool/prompt/prompt-template.ts";
import { createSignals, type Signal } from "../../tool/signals.ts";
import type { AskedPrecision } from "../accept/acceptance.ts";
import { readAcceptance } from "../accept/acceptance-file.ts";
import { readSignals } from "../accept/signals-file.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { CommandError } from "../faults.ts";
import { kindOfExtension } from "../input/file-kind.ts";
import type { Input, InputSource } from "../input/input.ts";
import { checkInputs, folderOf, openInputs } from "../input/open-inputs.ts";
import { type CsvTable, isTableDue, writeCsvTable } from "../output/csv-table.ts";
import { differences, type JobHead, jobHead } from "../output/job-head.ts";
import { OutputLog, otherJob } from "../output/output-log.ts";
import { counted } from "../progress/format.ts";
import { drawSample, firstSeed, inRandomOrder } from "./draw.ts";
import { type JobFlags, toolOptionsFrom } from "./job-flags.ts";
import { JobBudget, JobTally } from "./job-tally.ts";

/** A job of which everything was checked that can be checked before anything is asked. */
export interface PreparedJob {
  readonly tool: AnyTool;
  readonly toolOptions: BundleOptions;
  readonly tally: JobTally;
  readonly budget: JobBudget;
  readonly log: OutputLog | undefined;
  readonly limits: RateLimits | undefined;
  readonly head: JobHead;
  /** Precision that answers are accepted by, and the signals that may be bought for it. */
  readonly accept: (AskedPrecision & { readonly signals: readonly Signal[] }) | undefined;
  /** Those that have no line yet. */
  inputs(): AsyncIterable<Input>;
  fingerprintOf(input: Input): string;
  /**
   * Writes the table of `--output x.csv`, and closes the output file.
   *
   * @param isChanged lines that were there have changed
   */
  close(isChanged?: boolean): Promise<void>;
}

/** @throws CommandError naming what cannot be used */
export async function prepareJob(loaded: LoadedTool, flags: JobFlags): Promise<PreparedJob> {
  const { tool } = loaded;
  const toolOptions = toolOptionsFrom(flags);
  checkToolOptions(tool, toolOptions);
  const accept = acceptOf(loaded, toolOptions, flags);
  const limits = flags.batch ? undefined : limitsOf(loaded, flags);
  const source = openInputs(flags, process.stdin, filesOf(loaded).flatMap(templateVariables));
  assertRepeatable(source, flags);
  const head = jobHead(loaded, toolOptions, flags.sample);
  const filesIn = contentOfFiles(loaded, folderOf(flags.input));
  const fingerprintOf = ({ request }: Input) => fingerprint({ request, job: head.fingerprint, ...filesIn(request) });

  const tally = new JobTally(systemClock.now());
  const log = await openLog(flags, head);
  const table = tableOf(flags, source);
  const hasLine = (input: Input) => (log?.kept.has(input.index) ? log.has(input, fingerprintOf(input)) : false);
  try {
    const count = source.isRepeatable
      ? await checkInputs(firstOf(source.read(), flags.limit), tool, hasLine)
      : undefined;
    const budget = budgetOf(flags, flags.sample?.count ?? count, log?.kept.size ?? 0);
    for (const { costUsd } of log?.kept.values() ?? []) budget.keep(costUsd);
    for (const signal of log && !log.isDevice ? await readSignals(log.path) : []) {
      budget.keep(signal.costUsd);
      tally.paySignal(signal);
    }
    if ((count ?? 2) > 1) notePromptOfNoInput(loaded);
    if (count !== undefined && flags.limit === undefined) log?.assertWithin(count, source.name);
    const { count: size, seed = firstSeed } = flags.sample ?? {};
    const drawn = count === undefined || size === undefined ? undefined : drawSample(count, size, seed);
    const isDrawn = (index: number) => drawn?.has(index) ?? index < (count ?? Number.POSITIVE_INFINITY);
    for (const [index, line] of log?.kept ?? []) if (isDrawn(index)) tally.keep(line);
    tally.totalCount = drawn?.size ?? count;
    const chosen = () => only(noting(source, log, flags), ({ index }) => isDrawn(index));
    return {
      tool,
      toolOptions,
      tally,
      budget,
      log,
      limits,
      head,
      accept,
      fingerprintOf,
      inputs: () => only(flags.shuffle ? inRandomOrder(chosen(), seed) : chosen(), (input) => !hasLine(input)),
      async close(isChanged = false) {
        try {
          const isDue = table && !flags.dryRun && (isChanged || isTableDue(table, tally.settledCount));
          if (isDue) await writeCsvTable(table);
        } finally {
          log?.close();
        }
      },
    };
  } catch (error) {
    log?.close();
    throw error;
  }
}

/** Inputs in a batch start together, so each has its part of the budget from the start. */
function budgetOf({ maxCostUsd, concurrency, batch }: JobFlags, count = concurrency, keptCount: number): JobBudget {
  if (!batch) return new JobBudget(maxCostUsd, concurrency);
  return new JobBudget(maxCostUsd, Math.max(1, Math.min(concurrency, count - keptCount)), 0);
}

/**
 * Returns the limits of the tool file and the command line.
 *
 * @throws CommandError for limits that cannot be kept, or that no call of the tool would come under
 */
function limitsOf({ tool, definition }: LoadedTool, flags: JobFlags): RateLimits | undefined {
  const limits = definition?.limits ?? flags.limits;
  const faults = limits ? faultsInLimits(limits) : [];
  if (faults.length > 0) throw new CommandError(new InvalidOptionsError(faults).message);
  // Those of the file are for its own model, which another one may stand in for.
  const meant = Object.keys((flags.model === undefined ? limits : flags.limits) ?? {});
  const { provider = `tool:${tool.name}`, modelId } = tool as AnyTool & { readonly modelId?: string };
  const key = paceKey(provider, modelId);
  const { verifier = definition?.verifier, secondModel = definition?.secondModel } = flags;
  const others = textsIn([definition?.defaultOptions, verifier, secondModel]);
  const asked = [key, ...others.map((model) => model.replace("#", ":"))];
  if (meant.length > 0 && !meant.some((name) => asked.some((each) => isUnder(name, each))))
    throw new CommandError(
      `limits: this tool does not ask ${meant.join(", ")}. It asks ${key}: name that, or its provider.`,
    );
  return limits;
}

/**
 * Returns what answers are accepted by, of the command line or the tool file.
 *
 * @throws CommandError for signals that no one can give, and without a file that the verdicts can go into
 */
function acceptOf(
  { tool, definition }: LoadedTool,
  toolOptions: BundleOptions,
  flags: JobFlags,
): PreparedJob["accept"] {
  const { right: precision = definition?.accept?.precision, output } = flags;
  const { verifier = definition?.verifier, secondModel = definition?.secondModel } = flags;
  if (precision === undefined) {
    const named = verifier !== undefined ? "verifier" : secondModel !== undefined ? "second-model" : undefined;
    if (named === undefined) return undefined;
    throw new CommandError(`--${named} says which answers are right, for --right. Give --right 0.95, say, beside it.`);
  }
  if (output === undefined)
    throw new CommandError("--right needs --output: labels and verdicts stand beside the answers of a file.");
  try {
    const signals = createSignals(tool, toolOptions, { verifier, secondModel });
    return { precision, confidence: definition?.accept?.confidence ?? defaultConfidence, signals };
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
}

/** Texts anywhere in a value of JSON: the names of judges and stronger models are among those of the options. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Says what is seldom meant: a prompt into which nothing of the inputs goes, and which is paid for once for each. */
function notePromptOfNoInput(loaded: LoadedTool): void {
  const { definition } = loaded;
  if (!definition || [definition.prompt, ...filesOf(loaded)].some((text) => templateVariables(text).length > 0)) return;
  process.stderr.write(
    "The prompt is the same for every input: it has no variable. Write {{name}} where the value of that name belongs.\n",
  );
}

function checkToolOptions(tool: AnyTool, toolOptions: BundleOptions): void {
  try {
    tool.resolveOptions?.(toolOptions as Record<string, unknown>);
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
}

function filesOf({ definition }: LoadedTool): readonly string[] {
  return [definition?.files ?? []].flat();
}

/** Returns a function that gives the fingerprints of the files of a request: a file that has changed is another input. */
function contentOfFiles(loaded: LoadedTool, folder: string): (request: unknown) => { files?: readonly string[] } {
  const paths = filesOf(loaded);
  const known = new Map<string, string>();
  if (paths.length === 0) return () => ({});
  return (request) => {
    const values = typeof request === "object" && request !== null ? request : textRequest(paths, loaded, request);
    const files = pathsOf({ paths, from: folder }, values).map((path) => {
      if (!known.has(path)) known.set(path, contentOf(path));
      return known.get(path) as string;
    });
    return { files };
  };
}

/** A file that cannot be read is refused where its input is checked, with what to do. */
function contentOf(path: string): string {
  try {
    return hash("sha256", readFileSync(path));
  } catch {
    return "unreadable";
  }
}

/** A text stands for the only variable of the tool. */
function textRequest(paths: readonly string[], { definition }: LoadedTool, request: unknown): object {
  const [name = ""] = templateVariables([definition?.prompt ?? "", ...paths].join("\n"));
  return { [name]: request };
}

function assertRepeatable({ isRepeatable, name }: InputSource, { sample, shuffle }: JobFlags): void {
  const flag = sample ? "--sample" : shuffle ? "--shuffle" : undefined;
  if (isRepeatable || flag === undefined) return;
  throw new CommandError(
    `${flag} needs all inputs before the first is asked, and ${name} is a pipe. Give a file as --input.`,
  );
}

async function openLog(flags: JobFlags, head: JobHead): Promise<OutputLog | undefined> {
  const { output, retryFailed, fresh, dryRun } = flags;
  const flag = retryFailed ? "--retry-failed" : fresh ? "--fresh" : undefined;
  if (output === undefined) {
    if (flag !== undefined) throw new CommandError(`${flag} needs --output: the file that earlier answers are in.`);
    return undefined;
  }
  assertNotInput(flags);
  assertNotWorkbook(output);
  const path = journalOf(output);
  if (dryRun && (fresh || !existsSync(path))) return undefined;
  if (path !== output && existsSync(output) && !existsSync(path)) throw foreignTable(output, path);
  const log = await OutputLog.open(path, { head, retryFailed, fresh, isDryRun: dryRun }).catch((error) => {
    throw withCertificate(error, path);
  });
  if (log.movedTo !== undefined) process.stderr.write(`What ${path} held is in ${log.movedTo} now.\n`);
  if (log.movedTo !== undefined) noteCertificate(log.movedTo, head);
  return log;
}

/** Says that the certificate of answers that were moved aside is not one of the answers to come. */
function noteCertificate(moved: string, head: JobHead): void {
  const { certificate, restsOn } = readAcceptance(moved) ?? {};
  if (!certificate) return;
  const changes = restsOn?.job ? differences(restsOn.job, head) : [];
  const why = changes.length > 0 ? changes.join("; ") : "they are asked for anew";
  process.stderr.write(`Its certificate is void for the answers to come: ${why}. They need labels of their own.\n`);
}

/** A refused job has a certificate beside the answers that it would not go on with. */
function withCertificate(error: unknown, path: string): unknown {
  if (!(error instanceof CommandError) || !error.message.includes(otherJob) || !readAcceptance(path)?.certificate)
    return error;
  return new CommandError(`${error.message}\nThe certificate beside it holds for these answers alone.`, {
    cause: error,
  });
}

/** Output file beside a table. */
function journalOf(output: string): string {
  return isTable(output) ? `${output}.jsonl` : output;
}

function isTable(output: string): boolean {
  return /\.(csv|tsv)$/i.test(output);
}

function tableOf({ output, minConfidence }: JobFlags, { facts }: InputSource): CsvTable | undefined {
  if (output === undefined || !isTable(output)) return undefined;
  const separator = /\.tsv$/i.test(output) ? "\t" : undefined;
  const calibrations = new CalibrationStore();
  return { path: output, journal: journalOf(output), facts, separator, calibrations, minConfidence };
}

/** The table would replace what it was made of. */
function assertNotInput({ input, output = "" }: JobFlags): void {
  if (input === undefined || !existsSync(input) || !existsSync(output)) return;
  const [one, other] = [statSync(input), statSync(output)];
  if (one.ino !== other.ino || one.dev !== other.dev || !one.isFile()) return;
  throw new CommandError(`${output} is --input as well. Give another --output, such as answers-${basename(output)}.`);
}

/** A spreadsheet would call lines of JSON under the name of a workbook a damaged file. */
function assertNotWorkbook(output: string): void {
  const { dir, name, ext } = parse(output);
  const kind = kindOfExtension(ext.toLowerCase());
  if (kind === undefined) return;
  throw new CommandError(
    `${output} would be ${kind.name}, which this command does not write. Give --output ${join(dir, name)}.csv: a spreadsheet opens it.`,
  );
}

function foreignTable(output: string, journal: string): CommandError {
  return new CommandError(
    `${output} is there already, and ${journal}, which would hold its answers, is not. Give another --output, or move that file away.`,
  );
}

async function* firstOf(inputs: AsyncIterable<Input>, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Input> {
  for await (const input of inputs) {
    if (input.index >= limit) return;
    yield input;
  }
}

/** Says what is seldom meant: no requests at all, rows without any value; and refuses a pipe that has less than before. */
async function* noting(source: InputSource, log: OutputLog | undefined, flags: JobFlags): AsyncGenerator<Input> {
  const { name, facts, isRepeatable } = source;
  let count = 0;
  for await (const input of firstOf(source.read(), flags.limit)) {
    count++;
    yield input;
  }
  if (count === 0) process.stderr.write(`${name} holds no requests: there is nothing to ask.\n`);
  const { blankRows = 0 } = facts;
  if (blankRows > 0) process.stderr.write(`${name}: ${counted(blankRows, "row")} without any value, skipped.\n`);
  if (!isRepeatable && flags.limit === undefined) log?.assertWithin(count, name);
}

async function* only(inputs: AsyncIterable<Input>, isChosen: (input: Input) => boolean): AsyncGenerator<Input> {
  for await (const input of inputs) if (isChosen(input)) yield input;
}
