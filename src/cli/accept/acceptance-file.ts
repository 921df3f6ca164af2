import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import * as v from "valibot";
import { fingerprint } from "../../core/canonical.ts";
import { packageVersion } from "../../core/package-root.ts";
import type { Certificate } from "../../evidence/certify.ts";
import { CommandError, parseJson } from "../faults.ts";
import type { Answer } from "../label/answer.ts";
import type { LabelLine } from "../label/labels.ts";
import { differences, type JobHead } from "../output/job-head.ts";
import { unwritable } from "../output/output-log.ts";
import { counted } from "../progress/format.ts";
import type { Acceptance } from "./acceptance.ts";
import type { SignalLine } from "./signals-file.ts";
import type { Offers } from "./words.ts";

/** Facts that a certificate rests on. Another job or other answers are not covered by it. */
export interface CertificateBasis {
  /** Job that asked: its tool, model, prompt, schema and options. */
  readonly job: JobHead | undefined;
  /** Models that gave the answers. */
  readonly models: readonly string[];
  readonly inputs: { readonly answers: number; readonly fingerprint: string };
  readonly signals: readonly { readonly signal: string; readonly model: string; readonly count: number }[];
  /** Draws of the labels, each with its seed and the number of answers that it was of. */
  readonly labels: readonly {
    readonly draw: string;
    readonly seed: number;
    readonly of: number;
    readonly count: number;
  }[];
}

/** Acceptance of a job, as its file beside the output keeps it. */
export interface AcceptanceFile {
  readonly version: 1;
  readonly steer: string;
  readonly precision: number;
  readonly confidence: number;
  /** `null` where nothing is certified. */
  readonly certificate: Certificate | null;
  readonly restsOn: CertificateBasis;
  readonly counts: { readonly accepted: number; readonly review: number; readonly refused: number };
  readonly looks: Acceptance["looks"];
  /** Price of more, as the last run found it. */
  readonly offers: Offers;
}

const acceptanceFile = v.looseObject({
  version: v.literal(1),
  precision: v.number(),
  confidence: v.number(),
  certificate: v.nullable(v.looseObject({})),
  restsOn: v.looseObject({ inputs: v.looseObject({ answers: v.number(), fingerprint: v.string() }) }),
  looks: v.array(v.object({ labels: v.number(), key: v.string() })),
});

/**
 * Reads the acceptance of an output file; `undefined` where it has none.
 *
 * @throws CommandError where the file beside it is something else
 */
export function readAcceptance(output: string): AcceptanceFile | undefined {
  const path = acceptancePath(output);
  if (!existsSync(path)) return undefined;
  const value = parseJson(readFileSync(path, "utf8"), path);
  if (v.is(acceptanceFile, value)) return value as unknown as AcceptanceFile;
  throw new CommandError(`${path} is not what steer run --right writes. Move it away, and run --right again.`);
}

/** Writes the acceptance of an output file in one step. */
export function writeAcceptance(
  output: string,
  acceptance: Acceptance,
  restsOn: CertificateBasis,
  offers: Offers,
): void {
  const { precision, confidence, certificate = null, accepted, looks } = acceptance;
  const count = (verdict: (typeof accepted)[number]) => accepted.filter((each) => each === verdict).length;
  const counts = { accepted: count(true), review: count("review"), refused: count(false) };
  const file: AcceptanceFile = {
    version: 1,
    steer: packageVersion(),
    precision,
    confidence,
    certificate,
    restsOn,
    counts,
    looks,
    offers,
  };
  const path = acceptancePath(output);
  try {
    writeFileSync(`${path}.tmp`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

export function basisOf(
  job: JobHead | undefined,
  answers: readonly Answer[],
  labels: ReadonlyMap<string, LabelLine>,
  signals: readonly SignalLine[],
): CertificateBasis {
  const own = new Set(answers.map(({ fingerprint }) => fingerprint));
  const draws = Map.groupBy(
    [...labels.values()].filter(({ fingerprint }) => own.has(fingerprint)),
    ({ draw, seed, of }) => JSON.stringify({ draw, seed, of }),
  );
  const bought = Map.groupBy(signals, ({ signal, model }) => JSON.stringify({ signal, model }));
  return {
    job,
    models: [...new Set(answers.map((answer) => (JSON.parse(answer.job) as [string, string])[1]))],
    inputs: {
      answers: answers.length,
      fingerprint: fingerprint(answers.map((answer) => [answer.fingerprint, answer.content])),
    },
    signals: [...bought].map(([name, lines]) => ({ ...JSON.parse(name), count: lines.length })),
    labels: [...draws].map(([name, lines]) => ({ ...JSON.parse(name), count: lines.length })),
  };
}

/** Names what voids a certificate for a job as it stands now, one text each; none where it holds. */
export function voidedBy(kept: CertificateBasis, now: Pick<CertificateBasis, "job" | "inputs">): string[] {
  const job = kept.job && now.job ? differences(kept.job, now.job) : [];
  if (job.length > 0) return job;
  if (kept.inputs.fingerprint === now.inputs.fingerprint) return [];
  const isOther = kept.inputs.answers === now.inputs.answers;
  return [
    isOther
      ? "the answers are not those that it was given for"
      : `it was given for ${counted(kept.inputs.answers, "answer")}, and the job has ${counted(now.inputs.answers, "answer")}`,
  ];
}

function acceptancePath(output: string): string {
  return `${output}.accepted.json`;
}
