import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { signallingAcceptance } from "../../../src/calibration/job-acceptance.ts";
import { type Acceptance, acceptJob, type Look, looksOf } from "../../../src/cli/accept/acceptance.ts";
import { type AcceptanceCounts, describeAcceptance, describeOffers } from "../../../src/cli/accept/words.ts";
import { type Answer, drawn } from "../../../src/cli/label/answer.ts";
import { type Effect, effecting, type ObservedJob, observingJobs } from "../../../src/cli/label/effect.ts";
import { type Draw, keyOf, type LabelLine, labelOf, type Verdict } from "../../../src/cli/label/labels.ts";
import type { ReviewData } from "../../../src/cli/view/viewer-data.ts";
import { atOnce, type Slices } from "../../../src/core/slices.ts";
import type { AcceptanceSignals } from "../../../src/evidence/acceptance-score.ts";

/** Acceptance that labels certify, as the screen shows it. */
export interface ShownAcceptance {
  readonly acceptance: Acceptance;
  readonly counts: AcceptanceCounts;
  readonly sentences: readonly string[];
}

/**
 * Job: the labels of one sitting, and what they move.
 * Boundary: knows answers and verdicts; draws nothing on a screen.
 * Invariants:
 * 1. A label says how its answer was drawn, as `steer label` writes it; the sum of both is one file of labels.
 * 2. Each time that the accepted set is shown anew by a look, the label before it is marked: `steer` counts these looks.
 * 3. Labels outlive the page: they stay in the browser until they are discarded.
 * 4. A label is among `sending` until the service has answered, and among `unsent` where it did not take it, until it does.
 * 5. Of many answers, numbers are computed in slices: the page goes on meanwhile.
 */
export class Session {
  readonly review: ReviewData;
  /** Labels in the order in which they were first given, by answer. */
  readonly labels = signal<ReadonlyMap<string, LabelLine>>(new Map());
  /** Labels of this sitting. */
  readonly given: ReadonlySignal<readonly LabelLine[]>;
  /** `undefined` before it was computed, which `open` begins; that of the labels before while it is computed anew. */
  readonly effects = signal<readonly Effect[] | undefined>(undefined);
  readonly acceptance = signal<ShownAcceptance | undefined>(undefined);
  /** Seed of a draw that nothing began before. */
  readonly seed = (crypto.getRandomValues(new Uint32Array(1))[0] as number) >>> 1;
  /** Reasons for which the service did not take labels, by label. */
  readonly unsent = signal<ReadonlyMap<string, string>>(new Map());
  /** Labels that the service has not answered to yet. */
  readonly sending = signal<ReadonlySet<string>>(new Set());
  readonly #send: ((answer: Answer, label: Exclude<Verdict, null>) => Promise<unknown>) | undefined;
  /** No label changes these. */
  #jobs: Promise<readonly ObservedJob[]> | undefined;
  #bundles: readonly AcceptanceSignals[] | undefined;
  #signalled: Promise<readonly AcceptanceSignals[]> | undefined;
  #isOpen = false;
  #looks: { readonly upTo: readonly LabelLine[]; readonly looks: readonly Look[] } | undefined;
  /** The last one, which the screen and the next label ask for. */
  #accepted: { readonly labels: ReadonlyMap<string, LabelLine>; readonly shown: ShownAcceptance } | undefined;
  readonly #known: ReadonlyMap<string, LabelLine>;

  /** @param send hands each label to a service; rejects where that did not take it */
  constructor(
    review: ReviewData,
    name: string,
    send?: (answer: Answer, label: Exclude<Verdict, null>) => Promise<unknown>,
  ) {
    this.review = review;
    this.#send = send;
    this.#known = new Map(review.labels.map((label) => [keyOf(label), label]));
    const kept = new KeptLabels(review, name, send !== undefined);
    this.labels.value = new Map([...this.#known, ...kept.read().map((label) => [keyOf(label), label] as const)]);
    this.given = computed(() =>
      [...this.labels.value.values()].filter((label) => this.#known.get(keyOf(label)) !== label),
    );
    this.unsent.value = kept.readUnsent();
    effect(() => kept.write(this.given.value, this.unsent.value));
  }

  /** Looks that were had at the labels; those after the last look change none of them. */
  #looksAt(labels: ReadonlyMap<string, LabelLine>): readonly Look[] {
    const { answers, asked, looks: earlier } = this.review;
    const upTo = upToLook(labels);
    const isSame = this.#looks?.upTo.length === upTo.length && this.#looks.upTo.every((line, at) => line === upTo[at]);
    if (!this.#looks || !isSame)
      this.#looks = { upTo, looks: looksOf(answers, this.#signalsNow(), labels, asked, earlier) };
    return this.#looks.looks;
  }

  /** A label may come before the slices are through. */
  #signalsNow(): readonly AcceptanceSignals[] {
    this.#bundles ??= atOnce(this.#signalling());
    return this.#bundles;
  }

  /** Begins to compute what the labels change, now and after each further one. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    effect(() => void this.#compute(this.labels.value));
  }

  async #compute(labels: ReadonlyMap<string, LabelLine>): Promise<void> {
    const isWanted = () => this.labels.peek() === labels;
    // The screen is drawn first.
    await turn();
    this.#signalled ??= inTurns(this.#signalling());
    this.#bundles ??= await this.#signalled;
    if (!isWanted()) return;
    this.acceptance.value = this.#accept(labels);
    await turn();
    this.#jobs ??= inTurns(observingJobs(this.review.answers));
    const effects = await inTurns(effecting(await this.#jobs, labels), isWanted);
    if (effects) this.effects.value = effects;
  }

  labelOf(answer: Answer): LabelLine | undefined {
    return labelOf(this.labels.value, answer);
  }

  orderOf(draw: Draw, seed: number): readonly Answer[] {
    return drawn(this.review.answers, draw, seed);
  }

  judge(answer: Answer, label: Verdict, draw: Draw, seed: number): void {
    const { id, fingerprint, content } = answer;
    const line: LabelLine = { label, id, fingerprint, content, draw, seed, of: this.review.answers.length };
    const labels = new Map(this.labels.value).set(keyOf(line), line);
    const { looks } = this.#accept(this.labels.value).acceptance;
    const after = this.#accept(labels).acceptance.looks;
    if (after.length === looks.length) this.labels.value = labels;
    else {
      const marked = new Map(labels).set(keyOf(line), { ...line, look: true });
      const upTo = upToLook(marked);
      if (upTo.length === marked.size) this.#looks = { upTo, looks: after };
      this.labels.value = marked;
    }
    void this.#handOn(answer, label);
  }

  /** Sends once more what the service did not take. */
  sendAgain(): void {
    for (const answer of this.review.answers) {
      const line = this.labelOf(answer);
      if (line && this.unsent.value.has(keyOf(line))) void this.#handOn(answer, line.label);
    }
  }

  /** State of the sending of the label of an answer; `undefined` without a service. */
  sentOf(answer: Answer): Sent | undefined {
    const line = this.labelOf(answer);
    if (!this.#send || !line) return undefined;
    const key = keyOf(line);
    const refusal = this.unsent.value.get(key);
    return this.sending.value.has(key) ? "sending" : refusal === undefined ? "sent" : { refusal };
  }

  async #handOn(answer: Answer, label: Verdict): Promise<void> {
    const line = this.labelOf(answer);
    // A skipped answer is nothing to tell.
    if (!this.#send || !line || label === null) return;
    const key = keyOf(line);
    this.sending.value = new Set(this.sending.value).add(key);
    const reason = await this.#send(answer, label).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const sending = new Set(this.sending.value);
    sending.delete(key);
    const unsent = new Map(this.unsent.value);
    if (reason === undefined) unsent.delete(key);
    else unsent.set(key, reason);
    batch(() => {
      this.sending.value = sending;
      this.unsent.value = unsent;
    });
  }

  discard(): void {
    this.unsent.value = new Map();
    this.labels.value = this.#known;
  }

  /** Labels as a file for `steer`: those that there were, and those of this sitting. */
  toLines(): string {
    return [...this.labels.value.values()].map((label) => `${JSON.stringify(label)}\n`).join("");
  }

  #signalling(): Slices<readonly AcceptanceSignals[]> {
    const { answers, signals } = this.review;
    return signallingAcceptance(answers.map(({ votes, job }, at) => ({ votes, job, signals: signals[at] ?? {} })));
  }

  #accept(labels: ReadonlyMap<string, LabelLine>): ShownAcceptance {
    if (this.#accepted?.labels !== labels) this.#accepted = { labels, shown: this.#acceptAnew(labels) };
    return this.#accepted.shown;
  }

  #acceptAnew(labels: ReadonlyMap<string, LabelLine>): ShownAcceptance {
    const { answers, asked, withoutAnswer } = this.review;
    const acceptance = acceptJob(answers, this.#signalsNow(), labels, asked, this.#looksAt(labels));
    const count = (verdict: (typeof acceptance.accepted)[number]) =>
      acceptance.accepted.filter((each) => each === verdict).length;
    const counts = { accepted: count(true), review: count("review"), wrong: count(false), failed: withoutAnswer };
    const offers = describeOffers({ labels: acceptance.moreLabels, signals: [] });
    return { acceptance, counts, sentences: [...describeAcceptance(acceptance, counts), ...(offers ? [offers] : [])] };
  }
}

/** Labels up to the last one at which there was a look. */
function upToLook(labels: ReadonlyMap<string, LabelLine>): readonly LabelLine[] {
  const given = [...labels.values()];
  return given.slice(0, given.findLastIndex(({ look }) => look) + 1);
}

/** State of the sending of a label to a service. */
export type Sent = "sending" | "sent" | { readonly refusal: string };

const sliceMs = 12;

/** Computes with pauses, in which the page goes on. Gives `undefined` where the result is not wanted any more. */
async function inTurns<T>(work: Slices<T>): Promise<T>;
async function inTurns<T>(work: Slices<T>, isWanted: () => boolean): Promise<T | undefined>;
async function inTurns<T>(work: Slices<T>, isWanted = () => true): Promise<T | undefined> {
  while (isWanted()) {
    const endMs = performance.now() + sliceMs;
    do {
      const next = work.next();
      if (next.done) return next.value;
    } while (performance.now() < endMs);
    await turn();
  }
  return undefined;
}

function turn(): Promise<void> {
  return new Promise((wake) => setTimeout(wake));
}

interface Kept {
  readonly labels: readonly LabelLine[];
  readonly unsent: readonly (readonly [string, string])[];
}

/** Labels that the browser keeps, also where the page is closed: of a service by run, of a file by its answers. */
class KeptLabels {
  readonly #name: string;
  readonly #isOf: (label: LabelLine) => boolean;

  constructor({ answers }: ReviewData, name: string, isLive: boolean) {
    const first = isLive ? "live" : `${answers.length} ${answers[0]?.fingerprint ?? ""}`;
    this.#name = `steer labels ${name} ${first}`;
    const fingerprints = new Set(answers.map(({ fingerprint }) => fingerprint));
    this.#isOf = ({ fingerprint }) => fingerprints.has(fingerprint);
  }

  read(): readonly LabelLine[] {
    return this.#read().labels.filter(this.#isOf);
  }

  readUnsent(): ReadonlyMap<string, string> {
    return new Map(this.#read().unsent);
  }

  /** Runs come and go from the latest of a service: labels of the others stay. */
  write(given: readonly LabelLine[], unsent: ReadonlyMap<string, string>): void {
    try {
      const labels = [...this.#read().labels.filter((label) => !this.#isOf(label)), ...given].slice(-mostKept);
      if (labels.length === 0) localStorage.removeItem(this.#name);
      else localStorage.setItem(this.#name, JSON.stringify({ labels, unsent: [...unsent] } satisfies Kept));
    } catch {
      // A browser may keep nothing: the labels last as long as the page.
    }
  }

  #read(): Kept {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#name) ?? "[]") as Kept | LabelLine[];
      return Array.isArray(kept) ? { labels: kept, unsent: [] } : kept;
    } catch {
      return { labels: [], unsent: [] };
    }
  }
}

const mostKept = 10_000;
