import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { systemRandom } from "../../core/random.ts";
import { acceptAgain } from "../accept/accept-job.ts";
import { outputFileOf } from "../output/output-log.ts";
import { counted, cut, showCount, showOnLine, showShare, toColumns } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { type Answer, drawn } from "./answer.ts";
import { Answers, type OpenedAnswer } from "./answers.ts";
import { describeWorth, type Effect, effectsOf, showMean } from "./effect.ts";
import { type Keys, openKeys } from "./keys.ts";
import { type Draw, labelOf, type Verdict } from "./labels.ts";
import { LabelsFile } from "./labels-file.ts";
import { showQuestion } from "./question.ts";

/** Flags of `steer label`. */
export interface LabelFlags {
  readonly draw?: Draw;
  readonly seed?: number;
  /** A folder. */
  readonly calibrations: string;
}

/**
 * Shows the answers of an output file one by one, keeps what is said of them, and tells what it changes.
 *
 * @throws CommandError for a file that is no output, labels that cannot be kept, and keys that are none
 */
export async function labelAnswers(given: string, flags: LabelFlags): Promise<void> {
  const file = outputFileOf(given);
  const answers = await Answers.open(file);
  const labels = await LabelsFile.open(file);
  const terminal = createTerminal(process.stdout);
  const keys = openKeys(process.stdin);
  try {
    await new Session(answers, labels, drawOf(labels, flags), terminal, keys).run();
  } finally {
    keys.close();
    try {
      await learn(answers, labels, flags, terminal);
      for (const line of await acceptAgain(answers, labels.labels)) terminal.write(`${line}\n`);
    } finally {
      labels.close();
      await answers.close();
    }
  }
}

interface Drawing {
  readonly draw: Draw;
  readonly seed: number;
}

/** The draw goes on as it began. */
function drawOf({ labels }: LabelsFile, flags: LabelFlags): Drawing {
  const last = [...labels.values()].at(-1);
  const seed = flags.seed ?? last?.seed ?? Math.floor(systemRandom.next() * 2 ** 31);
  return { draw: flags.draw ?? last?.draw ?? "uniform", seed };
}

const widest = 100;

/** One sitting: the answers without a label, in the order of the draw. */
class Session {
  readonly #answers: Answers;
  readonly #labels: LabelsFile;
  readonly #drawing: Drawing;
  readonly #terminal: Terminal;
  readonly #keys: Keys;

  constructor(answers: Answers, labels: LabelsFile, drawing: Drawing, terminal: Terminal, keys: Keys) {
    this.#answers = answers;
    this.#labels = labels;
    this.#drawing = drawing;
    this.#terminal = terminal;
    this.#keys = keys;
  }

  async run(): Promise<void> {
    const { draw, seed } = this.#drawing;
    const order = drawn(this.#answers.all, draw, seed);
    const labels = this.#labels.labels;
    const byLabel = Map.groupBy(order, (answer) => labelOf(labels, answer));
    const shown = [...labels.values()].flatMap((label) => byLabel.get(label)?.[0] ?? []);
    for (let at = shown.length; ; ) {
      const answer = shown[at] ?? order.find((each) => !labelOf(labels, each));
      if (!answer) {
        this.#terminal.write("\nEvery answer is judged.\n");
        // A wrong key at the last answer can be mended too.
        if (!this.#keys.arePressed || (await this.#press("b back   q quit", "bq")) !== "b") return;
        at = shown.length - 1;
        continue;
      }
      const verdict = await this.#ask(answer, await this.#answers.read(answer), at);
      if (verdict === "quit") return;
      if (verdict === "back") {
        at = Math.max(0, at - 1);
        continue;
      }
      const { fingerprint, content, id } = answer;
      this.#labels.add({ label: verdict, id, fingerprint, content, draw, seed, of: order.length });
      if (at === shown.length) shown.push(answer);
      at = shown.length;
    }
  }

  async #ask(answer: Answer, opened: OpenedAnswer, at: number): Promise<Verdict | "back" | "quit"> {
    const { colors, columns } = this.#terminal;
    const paper = { colors, columns: Math.min(widest, columns) };
    const known = labelOf(this.#labels.labels, answer);
    const head = `${at + 1} of ${showCount(this.#answers.all.length)}   ${cut(showOnLine(answer.id), 40)}   ${this.#answers.path}:${answer.line}`;
    const before = known ? colors.dim(`   labelled ${describeVerdict(known.label)}`) : "";
    this.#terminal.write(`\n${colors.dim(head)}${before}\n${showQuestion(opened, paper).join("\n")}\n`);
    const fields = Object.keys(opened.bundle.summary.fields);
    const hasFields = fields.length > 1;
    const key = await this.#press(
      `r right   w wrong   ${hasFields ? "f by field   " : ""}u unsure   b back   q quit`,
      hasFields ? "rwfubq" : "rwubq",
    );
    switch (key) {
      case "r":
        return true;
      case "w":
        return false;
      case "u":
        return null;
      case "b":
        return "back";
      case "f":
        return this.#byField(fields);
      default:
        return "quit";
    }
  }

  async #byField(fields: readonly string[]): Promise<Verdict | "quit"> {
    const verdict: Record<string, boolean> = {};
    for (const field of fields) {
      const key = await this.#press(`${cut(showOnLine(field), 60)}: r right   w wrong   u unsure`, "rwuq");
      if (key === undefined || key === "q") return "quit";
      if (key !== "u") verdict[field] = key === "r";
    }
    return Object.keys(verdict).length === 0 ? null : verdict;
  }

  async #press(question: string, allowed: string): Promise<string | undefined> {
    this.#terminal.write(`${this.#terminal.colors.dim(question)} > `);
    const key = await this.#keys.next(allowed, (other) => {
      this.#terminal.write(`${showOnLine(other)} is not a key here. Press ${[...allowed].join(", ")} > `);
    });
    this.#terminal.write(`${key ?? "q"}\n`);
    return key;
  }
}

function describeVerdict(verdict: Verdict): string {
  if (verdict === null) return "unsure";
  if (typeof verdict === "boolean") return verdict ? "right" : "wrong";
  const wrong = Object.entries(verdict).flatMap(([field, isRight]) => (isRight ? [] : [showOnLine(field)]));
  return wrong.length === 0 ? "right by field" : `wrong in ${wrong.join(", ")}`;
}

/** Gives all labels to the calibration store, and tells what they change. */
async function learn(answers: Answers, { labels, path }: LabelsFile, flags: LabelFlags, terminal: Terminal) {
  const effects = effectsOf(answers.all, labels);
  const verdicts = effects.flatMap(({ judged }) => judged);
  const right = verdicts.filter(({ isRight }) => isRight).length;
  const skipped = [...labels.values()].filter(({ label }) => label === null).length;
  const unsure = skipped === 0 ? "" : `, ${skipped} unsure`;
  const { colors } = terminal;
  terminal.write(
    `\n${counted(verdicts.length, "label")} of ${counted(answers.all.length, "answer")}: ${right} right, ${verdicts.length - right} wrong${unsure}. Kept in ${path}\n`,
  );
  for (const effect of effects) terminal.write(`${describeEffect(effect, colors)}\n`);
  const judged = [];
  for (const answer of answers.all) {
    const { label = null } = labelOf(labels, answer) ?? {};
    if (label === null) continue;
    judged.push({ id: answer.fingerprint, bundle: (await answers.read(answer)).bundle, correct: label });
  }
  if (judged.length === 0) return;
  for (const stored of await new CalibrationStore({ path: flags.calibrations }).label(judged))
    terminal.write(colors.dim(`Learnt from them: ${stored.path}\n`));
}

function describeEffect(effect: Effect, colors: Terminal["colors"]): string {
  const { name, judged, before, after, isUsed } = effect;
  const right = judged.filter(({ isRight }) => isRight).length / judged.length;
  const row = (title: string, { ofAll, ofJudged }: Effect["before"]) => [
    title,
    showMean(ofAll),
    showMean(ofJudged),
    showShare(right),
  ];
  const table = toColumns([
    ["mean confidence", "of all answers", "of those judged", "right of those"].map(colors.dim),
    row("without labels", before),
    ...(isUsed ? [row("with labels", after)] : []),
  ]);
  const worth = `  ${describeWorth(effect)}`;
  return [colors.bold(cut(showOnLine(name), widest)), ...table.map((line) => `  ${line}`), worth].join("\n");
}
