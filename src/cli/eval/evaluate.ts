import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { jsonOf } from "../../contract/bundle-json.ts";
import type { ResolvedBundleOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { nearest } from "../../core/nearest.ts";
import { choicesFromSchema } from "../../evidence/schema-hints.ts";
import { resolveAnswers } from "../../tool/bundle/answers.ts";
import { templateVariables } from "../../tool/prompt/prompt-template.ts";
import type { DefinitionFlags } from "../definition/definition-flags.ts";
import { type LoadedTool, loadTool } from "../definition/load-tool.ts";
import { CommandError, exitCode } from "../faults.ts";
import { folderOf } from "../input/open-inputs.ts";
import type { JobFlags } from "../job/job-flags.ts";
import { runToolJob } from "../job/run-tool-job.ts";
import type { Sample } from "../output/job-head.ts";
import { bundleIn, type OutputLine } from "../output/output-line.ts";
import { toSafeJson } from "../progress/format.ts";
import { createTerminal } from "../progress/terminal.ts";
import { readJob } from "../report/read-job.ts";
import { type PageFlags, publishPage } from "../view/page-file.ts";
import { type JudgedQuestion, measure } from "./measures.ts";
import { renderEvaluation } from "./page/page.ts";
import { type Asking, type Judging, type PaidAnswer, replay } from "./replay.ts";
import { compareRows, type EvaluatedRow, type MeasuredRow, priceOf } from "./rows.ts";
import { showEvaluation } from "./table.ts";
import { isRight, parseTruths, type Truth, truthOf } from "./truth.ts";

/** Flags of `steer eval`. */
export interface EvalFlags extends DefinitionFlags, PageFlags {
  readonly input: string;
  readonly truth: readonly string[];
  readonly models?: readonly string[];
  readonly k?: readonly number[];
  readonly stopping?: readonly StoppingRuleName[];
  readonly output: string;
  readonly minAccuracy?: number;
  readonly sample?: Sample;
  readonly concurrency: number;
  readonly timeoutMs?: number;
  readonly giveUpAfter?: number;
  readonly maxCostUsd?: number;
  readonly retryFailed?: true;
  readonly fresh?: true;
  readonly json?: true;
}

/** A tool with one model, and where its answers are kept. */
interface Variant {
  readonly loaded: LoadedTool;
  readonly model: string;
  readonly path: string;
  /** Answers that every input is asked for. */
  readonly k: number;
}

/**
 * Asks inputs whose answers are known, once for the most answers that are wanted, and shows what each setting would have
 * given.
 *
 * @returns the exit code
 * @throws CommandError for what cannot be used; what was answered by then is kept
 */
export async function evaluate(files: readonly string[], flags: EvalFlags): Promise<number> {
  const variants = await variantsOf(files, flags);
  const rows: MeasuredRow[] = [];
  let spentUsd = 0;
  for (const variant of variants) {
    const askings = askingsOf(variant.loaded.tool, flags);
    const code = await askAll(variant, spentUsd, flags);
    if (code !== exitCode.done && code !== exitCode.someFailed) return code;
    const { questions, costUsd, source } = await readQuestions(variant.path);
    spentUsd += costUsd;
    const judging = await judgingOf(variant.loaded.tool);
    const truths = truthsFor(questions, flags, variant);
    for (const asking of askings) {
      const judged = questions.map((question, index) =>
        judge(
          question,
          asking,
          judging,
          truths.map(([truth, values]) => [truth, values[index]] as const),
        ),
      );
      const measures = measure(
        judged,
        truths.map(([truth]) => truth),
        asking.k,
      );
      const rights = judged.map(({ isRight }) => isRight);
      rows.push({ tool: variant.loaded.tool.name, model: variant.model, source, ...asking, ...measures, rights });
    }
  }
  return tell(compareRows(rows), flags);
}

async function variantsOf(files: readonly string[], flags: EvalFlags): Promise<Variant[]> {
  const variants: Variant[] = [];
  const paths = new Set<string>();
  for (const file of files) {
    for (const model of flags.models ?? [flags.model]) {
      const loaded = await loadTool(file, { ...flags, ...(model !== undefined && { model }) }, folderOf(flags.input));
      assertHidden(loaded, file, flags.truth);
      // More answers are another file, for which those that are there already are taken out of the store.
      const k = Math.max(...askingsOf(loaded.tool, flags).map((asking) => asking.k));
      const name = [loaded.tool.name, model ?? "", `k${k}`].map(slugOf).filter(Boolean).join("-");
      let path = join(flags.output, `${name}.jsonl`);
      for (let count = 2; paths.has(path); count++) path = join(flags.output, `${name}-${count}.jsonl`);
      paths.add(path);
      variants.push({ loaded, model: model ?? modelOf(loaded.tool), path, k });
    }
  }
  mkdirSync(flags.output, { recursive: true });
  return variants;
}

/** A prompt that shows the right answer would be right for free. */
function assertHidden({ definition }: LoadedTool, file: string, truths: readonly string[]): void {
  const shown = new Set([definition?.prompt, definition?.system].flatMap((text) => templateVariables(text ?? "")));
  const column = parseTruths(truths, true).find((truth) => shown.has(truth.column))?.column;
  if (column === undefined) return;
  throw new CommandError(
    `${file} shows {{${column}}} to the model, and --truth takes it for the right answer. Take it out of the prompt.`,
  );
}

function askingsOf(tool: AnyTool, { k, stopping = ["none", "auto"] }: EvalFlags): Asking[] {
  const own = optionsOf(tool)?.k;
  if (own === undefined) throw new CommandError(`"${tool.name}" asks once, and has no bundle to evaluate.`);
  const counts = k ?? [...new Set([1, own])].sort((a, b) => a - b);
  // One answer is one answer: no rule stops before it.
  return counts.flatMap((count) =>
    count === 1
      ? [{ k: 1, stopping: "none" as const }]
      : stopping.map((rule): Asking => ({ k: count, stopping: rule })),
  );
}

/** Asks every input for the most answers, in a job that the next start goes on with. */
function askAll({ loaded, path, k }: Variant, spentUsd: number, flags: EvalFlags): Promise<number> {
  const { input, sample, concurrency, timeoutMs, giveUpAfter, retryFailed, fresh, maxCostUsd, limits } = flags;
  const job: JobFlags = {
    input,
    output: path,
    concurrency,
    k,
    stopping: "none",
    ...(sample && { sample }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(giveUpAfter !== undefined && { giveUpAfter }),
    ...(retryFailed && { retryFailed }),
    ...(fresh && { fresh }),
    ...(limits && { limits }),
    ...(maxCostUsd !== undefined && { maxCostUsd: Math.max(0, maxCostUsd - spentUsd) }),
  };
  return runToolJob(loaded, job, { isPart: true });
}

interface Question {
  readonly place: string;
  readonly input: unknown;
  readonly paid: readonly PaidAnswer[];
}

/** Reads what a job has answered. An input that failed has no answers, and counts as wrong. */
async function readQuestions(
  path: string,
): Promise<{ questions: Question[]; costUsd: number; source: EvidenceSource }> {
  const latest = new Map<number, Question>();
  let costUsd = 0;
  let source: EvidenceSource = "live";
  await readJob(path, (line, number) => {
    costUsd += line.costUsd ?? 0;
    source = bundleIn(line)?.meta.source ?? source;
    latest.set(line.index, { place: `${path}:${number}`, input: line.input, paid: answersIn(line) });
  });
  return {
    questions: [...latest.entries()].sort(([a], [b]) => a - b).map(([, question]) => question),
    costUsd,
    source,
  };
}

function answersIn(line: OutputLine): PaidAnswer[] {
  return (bundleIn(line)?.replicates ?? []).map((replicate) => {
    const { id, valid, logprobs, usage, costUsd, savedUsd, elapsedMs, reused } = replicate;
    return {
      id,
      data: jsonOf(replicate),
      quality: { valid },
      logprobs,
      tokens: usage?.totalTokens ?? 0,
      // An answer that was there already counts as what it had cost. How long it took is not known any more.
      costUsd: (reused ? savedUsd : costUsd) ?? null,
      elapsedMs: reused ? null : elapsedMs,
    };
  });
}

/** A judge or an embedding model would have to be asked again: values are compared by words alone. */
async function judgingOf(tool: AnyTool): Promise<Judging> {
  const { schema, options } = await resolveAnswers(optionsOf(tool) as ResolvedBundleOptions);
  const { judge: _judge, similarity: _similarity, ...compare } = options.compare ?? {};
  return { compare, choices: schema ? choicesFromSchema(schema.jsonSchema) : {} };
}

/** Finds what is right in each question, for each part of the answer that is judged. */
function truthsFor(questions: readonly Question[], { truth: texts }: EvalFlags, { path }: Variant) {
  const valid = questions.flatMap(({ paid }) => paid).filter(({ quality }) => quality.valid);
  const answer = valid.find(({ data }) => typeof data === "object" && data !== null && !Array.isArray(data))?.data;
  const truths = parseTruths(texts, answer !== undefined);
  for (const { pointer } of truths) {
    const field = pointer.slice(1).split("/")[0] as string;
    if (answer === undefined || pointer === "" || valid.some(({ data }) => Object.hasOwn(Object(data), field)))
      continue;
    const known = Object.keys(Object(answer));
    const meant = nearest(field, known);
    throw new CommandError(
      `--truth names the field "${field}", which no answer in ${path} has. Answers have ${known.join(", ")}.${meant ? ` Did you mean ${meant}=${field}?` : ` Write ${known[0]}=${field} where ${field} is the column.`}`,
    );
  }
  return truths.map((truth) => [truth, questions.map(({ input, place }) => truthOf(input, truth, place))] as const);
}

function judge(
  question: Question,
  asking: Asking,
  judging: Judging,
  truths: readonly (readonly [Truth, unknown])[],
): JudgedQuestion {
  const replayed = replay(question.paid, asking, judging);
  const { validCount, consensus } = replayed.summary;
  const isAllRight = truths.every(([truth, value]) => isRight(consensus, value, truth, judging.compare));
  return { ...replayed, isRight: validCount > 0 && isAllRight };
}

async function tell(rows: readonly EvaluatedRow[], flags: EvalFlags): Promise<number> {
  const { minAccuracy, html, open, force, json, output, input } = flags;
  const terminal = createTerminal(process.stdout);
  const passing = minAccuracy === undefined ? [] : rows.filter(({ accuracy }) => accuracy.value >= minAccuracy);
  const cheapest = passing.toSorted((a, b) => priceOf(a, rows) - priceOf(b, rows))[0];
  const gate = minAccuracy === undefined ? undefined : { minAccuracy, cheapest };
  terminal.write(json ? `${toSafeJson({ rows, ...(gate && { gate }) }, 2)}\n` : showEvaluation(rows, gate, terminal));
  if (html !== undefined || open) {
    const page = { html: html ?? true, ...(open && { open }), ...(force && { force }) };
    const named = join(output, "eval.html");
    const messages = json ? createTerminal(process.stderr) : terminal;
    await publishPage(
      renderEvaluation(rows, gate, input),
      page,
      { subject: "the evaluation", file: input, named },
      messages,
    );
  }
  return gate && !cheapest ? exitCode.someFailed : exitCode.done;
}

function optionsOf(tool: AnyTool): ResolvedBundleOptions | undefined {
  return tool.resolveOptions?.(undefined) as ResolvedBundleOptions | undefined;
}

function modelOf(tool: AnyTool): string {
  return String((tool as { modelId?: unknown }).modelId ?? "");
}

function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 60);
}
