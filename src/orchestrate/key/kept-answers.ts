/**
 * Job: give a bundle the answers to its question that earlier runs have paid for, and keep what it pays for itself.
 * Boundary: what the question is made of is the tool's to say.
 * Invariants:
 * 1. An answer is found under its question, index and seed alone, and only before it has expired.
 * 2. One run at a time has the answers to a question. Another one asks as if there were none, and waits for nothing.
 * 3. A store that fails costs no answer, and one that does not answer costs a second at most: a warning says that answers are
 *    asked for, or not kept.
 */
import type { Replicate } from "../../contract/bundle.ts";
import { jsonOf } from "../../contract/bundle-json.ts";
import type { AnswerShelf, KeptAnswers } from "../../contract/call.ts";
import { type Clock, schedule } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import { defaultJournalTtlMs, type FencingToken, type RunStore } from "../../store/store.ts";
import type { Run } from "../run-context.ts";
import { claimOwner, keepLease } from "./lease.ts";

/** Store of answers, and the lease of those that a bundle uses. */
export interface AnswerStore {
  openStore(): RunStore | Promise<RunStore>;
  readonly leaseMs: number;
}

/** An answer, and when it was given. */
type DatedReplicate = Replicate & { readonly keptAtMs?: number };

/** Opens the answers that a run can use. Nothing of them is awaited once its work has ended. */
export function keptAnswersFor(run: Run, { openStore, leaseMs }: AnswerStore): KeptAnswers {
  const { clock } = run.settings;
  const warn = (what: string, error: unknown, { signal }: Patience) => {
    if (signal.aborted) return;
    const message = `${what}: ${messageOf(error)}`;
    run.events.emit("warning", { code: "store_unavailable", message });
  };
  return {
    async open(question, signal) {
      const patience = { clock, signal };
      try {
        const store = await inTime(Promise.resolve(openStore()), patience);
        const askedAtMs = clock.now();
        const claiming = store.claim(`answers/${question}`, question, { leaseMs, owner: claimOwner });
        const claim = await inTime(claiming, patience).catch((error) => {
          void releaseLate(store, claiming);
          throw error;
        });
        if (claim.state !== "won") return undefined;
        const lease = { store, token: claim.token, leaseMs, askedAtMs, clock, patienceMs: 0 };
        return new Shelf(question, claim.replicates, lease, patience, (error) =>
          warn("An answer is not kept for later runs", error, patience),
        );
      } catch (error) {
        warn("Answers of earlier runs cannot be used", error, patience);
        return undefined;
      }
    },
  };
}

/** Longest wait for the store: a bundle is not to stand still for answers that it can do without. */
const patienceMs = 1_000;

/** Limits of a wait for the store: `patienceMs` by the clock, and no longer than the work lasts that the signal ends. */
interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function inTime<R>(asked: Promise<R>, { clock, signal }: Patience): Promise<R> {
  const scope = new CancelScope(signal);
  const noAnswer = new Error(`the store did not answer within ${patienceMs} ms`);
  const stop = schedule(clock, () => scope.abort(noAnswer), patienceMs);
  try {
    return await scope.race(asked);
  } finally {
    stop();
    scope.dispose();
  }
}

/** Gives back a claim that is won after its run has ended. */
async function releaseLate(store: RunStore, claiming: ReturnType<RunStore["claim"]>): Promise<void> {
  try {
    const claim = await claiming;
    if (claim.state === "won") await store.release(claim.token);
  } catch {
    // The lease runs out.
  }
}

/** Answers to one question, held until `close`. */
class Shelf implements AnswerShelf {
  readonly question: string;
  readonly #answers: ReadonlyMap<string, Replicate>;
  readonly #token: FencingToken;
  readonly #store: RunStore;
  readonly #patience: Patience;
  readonly #warn: (error: unknown) => void;
  readonly #lease: ReturnType<typeof keepLease>;
  #appending: Promise<unknown> = Promise.resolve();
  #isLost = false;

  constructor(
    question: string,
    kept: readonly DatedReplicate[],
    lease: Omit<Parameters<typeof keepLease>[0], "onLost">,
    patience: Patience,
    warn: (error: unknown) => void,
  ) {
    this.question = question;
    const { clock, store, token } = lease;
    const isFresh = ({ keptAtMs = 0, valid }: DatedReplicate) => valid && clock.now() - keptAtMs < defaultJournalTtlMs;
    this.#answers = new Map(
      kept.filter(isFresh).map(({ keptAtMs: _, ...answer }) => [keyOf(answer), answer as Replicate]),
    );
    this.#token = token;
    this.#store = store;
    this.#patience = patience;
    this.#warn = warn;
    this.#lease = keepLease({
      ...lease,
      onLost: () => {
        this.#isLost = true;
      },
    });
  }

  find(index: number, seed: number): Replicate | undefined {
    return this.#answers.get(keyOf({ id: idOf(index), seed }));
  }

  async append(index: number, replicate: Replicate): Promise<void> {
    if (this.#isLost) return;
    const keptAtMs = this.#patience.clock.now();
    const dated = { ...replicate, id: idOf(index), data: jsonOf(replicate), keptAtMs };
    const appending = this.#store.append(this.#token, dated as Replicate);
    this.#appending = Promise.allSettled([this.#appending, appending]);
    try {
      await inTime(appending, this.#patience);
    } catch (error) {
      this.#warn(error);
      this.#isLost = true;
    }
  }

  async close(): Promise<void> {
    this.#lease.stop();
    // What was paid for is kept before another run may look.
    const released = this.#appending.then(() => this.#store.release(this.#token));
    released.catch(() => {});
    if (!this.#isLost) await inTime(released, this.#patience).catch(() => {});
  }
}

function idOf(index: number): string {
  return `r${index + 1}`;
}

function keyOf({ id, seed }: { readonly id: string; readonly seed: number }): string {
  return `${id}:${seed}`;
}
