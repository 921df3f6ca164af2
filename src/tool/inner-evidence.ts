/**
 * Job: keep what `super.executeBundle` has found inside an overridden one, for when the call around it fails.
 * Boundary: what the call failed with, and what becomes of the run, is the caller's.
 * Invariants:
 * 1. What is kept answers the last question that was asked: the further one, where attempts have come to different ones.
 * 2. Evidence with a valid answer to it is replaced only by other such evidence.
 * 3. Nobody waits for a bundle that nothing has ended.
 */
import type { EvidenceBundle, EvidenceContent } from "../contract/bundle.ts";
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
  #latest: Promise<void> | undefined;

  /** An attempt asks from the start. */
  startAttempt(): void {
    this.#count = 0;
  }

  /** Hears of a bundle that is being made. */
  follow(bundle: Promise<EvidenceBundle<any>>): void {
    const place = ++this.#count;
    if (place > this.#place) this.#kept = nothing;
    this.#place = Math.max(place, this.#place);
    this.#latest = bundle
      .then(
        (evidenceBundle) => this.#keep(whole({ evidenceBundle }), place),
        (error) => error instanceof Incomplete && this.#keep(error, place),
      )
      .then(() => {});
  }

  /** @param isEnded whether the bundle was ended from outside, so that what there is of it comes at once */
  async find(isEnded: boolean): Promise<Kept> {
    if (isEnded) await this.#latest;
    return this.#kept;
  }

  #keep(kept: Kept, place: number): void {
    if (place === this.#place && (kept.isUsable || !this.#kept.isUsable)) this.#kept = kept;
  }
}

function whole(content: EvidenceContent): Kept {
  return { content, isUsable: content.evidenceBundle.summary.validCount > 0 };
}
