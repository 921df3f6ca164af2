import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { type AcceptanceSignals, createJobCalibration } from "../../src/evidence.ts";
import { type Vote, votesOf } from "../evidence/calibration-measure.ts";
import { type CalibrationSet, readCalibrationSets } from "../evidence/calibration-sets.ts";

/** A bundle as the acceptance sees it, and if its consensus is right. */
export interface JudgedBundle {
  readonly signals: AcceptanceSignals;
  readonly correct: boolean;
}

/** Bundles of one model on one task. */
export interface Job {
  readonly name: string;
  readonly family: string;
  readonly bundles: readonly JudgedBundle[];
}

const dataFolder = join(import.meta.dirname, "..", "data");
/** Samples of a bundle, at most: the default stopping rule ends some sooner. */
export const samples = 5;
/** Sets of fewer bundles are left out: half of them would be labelled. */
const fewestBundles = 75;

/** The recorded sets that hold enough bundles. */
export function recordedSets(): CalibrationSet[] {
  return readCalibrationSets(dataFolder).filter((set) => votesOf(set, samples, 0, "auto").length >= fewestBundles);
}

/** The bundles of a set as they were recorded, one a question, with the confidence of their votes by the job alone. */
export function recordedJob(set: CalibrationSet): Job {
  return jobOf(set, votesOf(set, samples, 0, "auto"));
}

/** A job of so many bundles: questions of a set drawn with replacement, each with samples in a random order. */
export function drawnJob(set: CalibrationSet, count: number, seed: number): Job {
  const orders = Array.from({ length: 8 }, (_, order) => votesOf(set, samples, seed * 8 + order, "auto"));
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random.next() * list.length)] as T;
  return jobOf(
    set,
    Array.from({ length: count }, () => pick(pick(orders))),
  );
}

function jobOf({ name, family }: CalibrationSet, votes: readonly Vote[]): Job {
  const job = createJobCalibration();
  for (const { sizes } of votes) job.observe(sizes);
  const known = new Map<string, number | null>();
  const confidenceOf = ({ sizes }: Vote) => {
    const key = sizes.join();
    if (!known.has(key)) known.set(key, job.confidence(sizes));
    return known.get(key) as number | null;
  };
  return {
    name,
    family,
    bundles: votes.map((vote) => ({ signals: { votes: confidenceOf(vote) }, correct: vote.correct })),
  };
}

/**
 * A simulated verifier: its share of "right" orders right and wrong answers with this AUROC, and errs independently of the
 * votes. Log-odds are normal, of right answers higher by d than of wrong ones; AUROC is the normal probability of d / sqrt(2).
 */
export function withVerifier(job: Job, auroc: number, seed: number): Job {
  const random = seededRandom(seed);
  const distance = Math.SQRT2 * probit(auroc);
  const bundles = job.bundles.map(({ signals, correct }) => {
    const logOdds = distance * (normal(random) + (correct ? distance / 2 : -distance / 2));
    return { correct, signals: { ...signals, verifier: 1 / (1 + Math.exp(-logOdds)) } };
  });
  return { ...job, bundles };
}

/**
 * A simulated second model, as often right as the first, whose errors correlate with the first's by so much. Two right
 * answers agree; two wrong ones do with the correlation, or else by chance once in five.
 */
export function withSecondModel(job: Job, correlation: number, seed: number): Job {
  const random = seededRandom(seed);
  const accuracy = accuracyOf(job);
  const bundles = job.bundles.map(({ signals, correct }) => {
    const share = correct ? accuracy + correlation * (1 - accuracy) : accuracy * (1 - correlation);
    const isRight = random.next() < share;
    const agrees = correct ? isRight : !isRight && random.next() < correlation + (1 - correlation) / 5;
    return { correct, signals: { ...signals, secondModel: Number(agrees) } };
  });
  return { ...job, bundles };
}

export function accuracyOf({ bundles }: Job): number {
  return bundles.filter(({ correct }) => correct).length / bundles.length;
}

/** A bundle of the competition problems, of which each sample has a real confidence of its tokens (deepconf). */
export function tokenJob(count: number, order: number): Job {
  const path = join(dataFolder, "calibration", "deepconf-competition-math.jsonl");
  const questions = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; gold: string; samples: string[]; confidence: (number | null)[] })
    .filter(({ id }) => !id.endsWith("-cut"));
  const votes = questions.flatMap(({ gold, samples: given, confidence }, at) => {
    const random = seededRandom(order * 1_009 + at);
    const all = given.map((answer, index) => ({ answer, confidence: confidence[index], rank: random.next() }));
    const valid = all
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count)
      .filter(({ answer }) => answer !== "");
    const groups = [...Map.groupBy(valid, ({ answer }) => answer).values()].sort((a, b) => b.length - a.length);
    const [consensus] = groups;
    if (!consensus) return [];
    const tokens = consensus.flatMap((each) => each.confidence ?? []);
    const logprob = tokens.reduce((sum, each) => sum + each, 0) / tokens.length;
    const correct = consensus[0]?.answer === gold;
    return [{ sizes: groups.map(({ length }) => length), correct, logprob }];
  });
  const job = jobOf({ name: "competition maths", family: "competition maths", questions: [] }, votes);
  const bundles = job.bundles.map(({ signals, correct }, at) => {
    const { logprob } = votes[at] as { logprob: number };
    return { correct, signals: { ...signals, ...(Number.isFinite(logprob) && { logprob }) } };
  });
  return { ...job, bundles };
}

/** A normal number (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** The number below which a normal one lies with this probability, in [0.5, 1), by bisection of the integrated density. */
function probit(probability: number): number {
  const below = (x: number) => {
    const steps = 2_000;
    const density = (at: number) => Math.exp((-at * at) / 2) / Math.sqrt(2 * Math.PI);
    let area = 0;
    for (let step = 0; step < steps; step++) area += density(((step + 0.5) * x) / steps) * (x / steps);
    return 0.5 + area;
  };
  let [low, high] = [0, 8];
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    if (below(middle) < probability) low = middle;
    else high = middle;
  }
  return low;
}
