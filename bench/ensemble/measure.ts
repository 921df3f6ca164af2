import { calibrationError, createJobCalibration } from "../../src/evidence.ts";
import { PromptBundleTool, ReliableOrchestrator, unwrap } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { type ScriptedModel, scriptedModel, seededRandom } from "../../src/testing.ts";
import { mean } from "../evidence/table.ts";

/** Bundles over simulated models, and what their consensus was worth. */
export interface EnsembleRow {
  /** Given correlation of the difficulty that a question has for the two models. */
  readonly correlation: number;
  /** Correlation of their errors that came of it, over questions. */
  readonly errorsCorrelate: number;
  readonly models: number;
  readonly stopping: "none" | "auto";
  readonly calls: number;
  readonly right: number;
  readonly confidence: number;
  readonly calibrationError: number;
  readonly unanimous: number;
  readonly unanimousRight: number;
}

const k = 6;
/** A wrong answer is the model's favourite one this often, else one of some others. */
const favouriteShare = 0.6;
const otherAnswers = 5;

/**
 * Runs the same questions over one model, and over two in turn with as many calls. Each model finds a question hard or easy for
 * itself, and errs in its own favourite way; where difficulties correlate, favourites are shared as often.
 */
export async function measureEnsemble(correlation: number, questions: number, seed: number): Promise<EnsembleRow[]> {
  const random = seededRandom(seed);
  const asked = Array.from({ length: questions }, () => drawQuestion(correlation, random.next));
  const models = [0, 1].map((model) =>
    scriptedModel(
      ({ prompt, seed }) => {
        const id = Number(/question (\d+)/.exec(JSON.stringify(prompt))?.[1]);
        return { text: answerOf(asked[id] as Question, model, seededRandom(seed * 31 + model * 7919 + id).next) };
      },
      { provider: `maker-${model}`, modelId: `model-${model}` },
    ),
  );
  const errorsCorrelate = correlationOf(asked.map(({ errorRates }) => errorRates));
  const rows: EnsembleRow[] = [];
  for (const stopping of ["none", "auto"] as const) {
    for (const count of [1, 2]) {
      const measured = await measureModels(models.slice(0, count), questions, stopping);
      rows.push({ correlation, errorsCorrelate, models: count, stopping, ...measured });
    }
  }
  return rows;
}

async function measureModels(models: readonly ScriptedModel[], questions: number, stopping: "none" | "auto") {
  const asked = models.length > 1 ? { models } : { model: models[0] as ScriptedModel };
  const tool = new PromptBundleTool({
    name: "quiz",
    ...asked,
    prompt: "{{text}}",
    schema: { enum: ["right", ...Array.from({ length: 20 }, (_, at) => `wrong ${at}`)] } as const,
    defaultOptions: { k, stopping },
  });
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
  const job = createJobCalibration();
  const bundles = [];
  for (let id = 0; id < questions; id++) {
    const output = await orchestrator.run({ tool, request: { text: `question ${id}` } });
    const { evidenceBundle } = unwrap(output);
    job.observe(evidenceBundle.summary);
    bundles.push(evidenceBundle);
  }
  const judged = bundles.map(({ summary }) => ({
    confidence: job.confidence(summary) ?? 0,
    correct: summary.consensus === "right",
  }));
  const unanimous = bundles.filter(({ summary }) => summary.disagreements.length === 0);
  return {
    calls: mean(bundles.map(({ replicates }) => replicates.length)),
    right: mean(judged.map(({ correct }) => Number(correct))),
    confidence: mean(judged.map(({ confidence }) => confidence)),
    calibrationError: calibrationError(judged),
    unanimous: unanimous.length / questions,
    unanimousRight: mean(unanimous.map(({ summary }) => Number(summary.consensus === "right"))),
  };
}

/** One question, as each of the two models finds it. */
interface Question {
  readonly errorRates: readonly [number, number];
  readonly favourites: readonly [number, number];
}

function drawQuestion(correlation: number, next: () => number): Question {
  const first = normal(next);
  const second = correlation * first + Math.sqrt(1 - correlation ** 2) * normal(next);
  const favourite = Math.floor(next() * 10);
  const isShared = next() < correlation;
  return {
    errorRates: [errorRateAt(first), errorRateAt(second)],
    favourites: [favourite, isShared ? favourite : 10 + Math.floor(next() * 10)],
  };
}

function answerOf({ errorRates, favourites }: Question, model: number, next: () => number): string {
  if (next() >= (errorRates[model] as number)) return "right";
  const favourite = favourites[model] as number;
  if (next() < favouriteShare) return `wrong ${favourite}`;
  return `wrong ${(favourite + 1 + Math.floor(next() * otherAnswers)) % 20}`;
}

/** Error rate of a question of this difficulty (Kumaraswamy 1980): mostly easy, some nearly always wrong; 0.35 on average. */
function errorRateAt(difficulty: number): number {
  return (1 - (1 - normalShareBelow(difficulty)) ** (1 / 1.1)) ** (1 / 0.6);
}

/** A draw from the normal distribution (Box and Muller 1958). */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Share of the normal distribution below a value (Abramowitz and Stegun 26.2.17). */
function normalShareBelow(value: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(value));
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const above = (Math.exp(-(value ** 2) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
  return value > 0 ? 1 - above : above;
}

function correlationOf(pairs: readonly (readonly [number, number])[]): number {
  const means = [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))] as const;
  const products = (of: (pair: readonly [number, number]) => number) => mean(pairs.map(of));
  const covariance = products(([a, b]) => (a - means[0]) * (b - means[1]));
  return covariance / Math.sqrt(products(([a]) => (a - means[0]) ** 2) * products(([, b]) => (b - means[1]) ** 2));
}
