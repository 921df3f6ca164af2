/**
 * Job: keep what `super.executeBundle` has found inside an overridden one, for when the call around it fails.
 * Boundary: what the call failed with, and what becomes of the run, is the caller's.
 * Invariants:
 * 1. What is kept answers the last question that was asked: the further one, where attempts have come to different ones.
 * 2. Evidence with a valid answer to it is replaced only by other such evidence.
 * 3. Bundles whose attempt was ended from outside are waited for; one that nothing has ended is not.
 */
import type { EvidenceBundle, EvidenceContent } from "../contract/bundle.ts";
import type { CallAttempt } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";

/** What there is to show, and whether it answers the request at all. */
export interface Kept {
  readonly content: unknown;
  readonly isUsable: boolean;
}

const nothing: Kept = { content: null, isUsable: false };

export class InnerEvidence {
  #kept: Kept = nothing;
  /** Which bundle of its attempt that is; later ones may ask another question. */
  #place = 0;
  /** Bundles of the attempt under way. */
  #count = 0;
  readonly #followed: { readonly attempt: Pick<CallAttempt, "signal">; readonly isKept: Promise<void> }[] = [];

  /** An attempt asks from the start. */
  startAttempt(): void {
    this.#count = 0;
  }

  /** Hears of a bundle that is being made, in which attempt. */
  follow(bundle: Promise<EvidenceBundle<any>>, attempt: Pick<CallAttempt, "signal">): void {
    const place = ++this.#count;
    if (place > this.#place) this.#kept = nothing;
    this.#place = Math.max(place, this.#place);
    const isKept = bundle.then(
      (evidenceBundle) => this.#keep(whole({ evidenceBundle }), place),
      (error) => {
        if (error instanceof Incomplete) this.#keep(error, place);
      },
    );
    this.#followed.push({ attempt, isKept });
  }

  /** What there is of bundles that were ended comes at once. */
  async find(): Promise<Kept> {
    const ended = this.#followed.filter(({ attempt }) => attempt.signal.aborted);
    await Promise.all(ended.map(({ isKept }) => isKept));
    return this.#kept;
  }

  #keep(kept: Kept, place: number): void {
    if (place === this.#place && (kept.isUsable || !this.#kept.isUsable)) this.#kept = kept;
  }
}

function whole(content: EvidenceContent): Kept {
  return { content, isUsable: content.evidenceBundle.summary.validCount > 0 };
}
