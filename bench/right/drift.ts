import { seededRandom } from "../../src/core/random.ts";
import { acceptAnswers, scoreAcceptance, watchPrecision } from "../../src/evidence.ts";
import { shuffled } from "../evidence/orders.ts";
import { percent, type Table } from "../evidence/table.ts";
import { accuracyOf, drawnJob, type JudgedBundle, recordedSets, withVerifier } from "./jobs.ts";

const bundleCount = 2_000;
const labelCount = 100;
const precision = 0.9;
const confidence = 0.9;

/** Labels of accepted later answers until a certificate was withdrawn; infinity where it never was. */
export interface Drift {
  readonly title: string;
  readonly jobs: number;
  /** Share of the later accepted answers that is right. */
  readonly right: number;
  readonly delays: readonly number[];
}

const cases = [
  { title: "no fall", fall: 0, before: 0 },
  { title: "20 points, watched from the fall on", fall: 0.2, before: 0 },
  { title: "20 points, after 100 labels that hold", fall: 0.2, before: 100 },
] as const;

/**
 * Certifies the first half of jobs, lets the accuracy of the second half fall unseen by votes and verifier, and watches labels of
 * its accepted answers.
 */
export function measureDrift(draws: number): Drift[] {
  return cases.map(({ title, fall, before }) => {
    const delays: number[] = [];
    const shares: number[] = [];
    for (const [at, set] of recordedSets().entries()) {
      for (let draw = 0; draw < draws; draw++) {
        const seed = at * 10_007 + draw + 1;
        const job = withVerifier(drawnJob(set, bundleCount, seed), 0.9, seed);
        const half = job.bundles.slice(0, bundleCount / 2);
        const { certificate } = certified(half, seed);
        if (certificate.threshold === null) continue;
        const later = job.bundles.slice(bundleCount / 2);
        const random = seededRandom(seed);
        const lost = fall / accuracyOf({ ...job, bundles: later });
        const fallen = later.map((bundle) => ({ ...bundle, correct: bundle.correct && random.next() >= lost }));
        const holding = acceptedLabels(half, certificate.threshold).slice(0, before);
        const labels = acceptedLabels(fallen, certificate.threshold);
        const isAhead = holding.length === before && labels.length > 0;
        if (!isAhead || watchPrecision(holding, { precision, confidence }).after !== null) continue;
        const { after } = watchPrecision([...holding, ...labels], { precision, confidence });
        delays.push(after === null ? Number.POSITIVE_INFINITY : after - before);
        shares.push(labels.filter(Boolean).length / labels.length);
      }
    }
    const right = shares.reduce((sum, each) => sum + each, 0) / shares.length;
    return { title, jobs: delays.length, right, delays: delays.sort((a, b) => a - b) };
  });
}

export function driftTable(all: readonly Drift[]): Table {
  const within = (delays: readonly number[], share: number) => {
    const delay = delays[Math.ceil(share * delays.length) - 1] as number;
    return Number.isFinite(delay) ? delay : "never";
  };
  return {
    title: "Drift: labels of later accepted answers until a certificate is withdrawn",
    note: `Certificates of ${percent(precision, 0)} % from ${labelCount} labels of the first ${(bundleCount / 2).toLocaleString("en")} bundles, of jobs drawn from all recorded sets, with a simulated verifier of AUROC 90; in the second half right answers turn wrong, and no signal shows it. A watch of a certificate that holds is false in at most ${percent(1 - confidence, 0)} % of all jobs.`,
    columns: ["accuracy", "jobs", "right of later accepted", "withdrawn", "half within", "nine of ten within"],
    rows: all.map(({ title, jobs, right, delays }) => [
      title,
      jobs,
      `${percent(right, 1)} %`,
      `${percent(delays.filter(Number.isFinite).length / jobs, 1)} %`,
      within(delays, 0.5),
      within(delays, 0.9),
    ]),
  };
}

function certified(bundles: readonly JudgedBundle[], seed: number) {
  const drawn = shuffled([...bundles.keys()], seed).slice(0, labelCount);
  const labels = drawn.map(
    (bundle) => ({ bundle, correct: bundles[bundle]?.correct === true, draw: "uniform" }) as const,
  );
  return acceptAnswers(
    bundles.map(({ signals }) => signals),
    labels,
    { precision, confidence },
  );
}

/** Verdicts on the answers that a threshold accepts, in the order of the inputs. */
function acceptedLabels(bundles: readonly JudgedBundle[], threshold: number): boolean[] {
  const { scores } = scoreAcceptance(bundles.map(({ signals }) => signals));
  return bundles.filter((_, at) => (scores[at] ?? -1) >= threshold).map(({ correct }) => correct);
}
