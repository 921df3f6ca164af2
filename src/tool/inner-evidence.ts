/**
 * Job: keep what `super.executeBundle` has found inside an overridden one, for when the call around it fails.
 * Boundary: what the call failed with, and what becomes of the run, is the caller's.
 * Invariants:
 * 1. Evidence with a valid answer is replaced only by other such evidence.
 * 2. Nobody waits for a bundle that nothing has ended.
 */
import type { EvidenceBundle, EvidenceContent } from "../contract/bundle.ts";
import { Incomplete } from "../contract/incomplete.ts";

/** What there is to show, and whether it answers the request at all. */
export interface Kept {
  readonly content: unknown;
  readonly isUsable: boolean;
}

export class InnerEvidence {
  #kept: Kept = { content: null, isUsable: false };
  #latest: Promise<void> | undefined;

  /** Hears of a bundle that is being made. */
  follow(bundle: Promise<EvidenceBundle<any>>): void {
    this.#latest = bundle
      .then(
        (evidenceBundle) => this.#keep(whole({ evidenceBundle })),
        (error) => error instanceof Incomplete && this.#keep(error),
      )
      .then(() => {});
  }

  /** @param isEnded whether the bundle was ended from outside, so that what there is of it comes at once */
  async find(isEnded: boolean): Promise<Kept> {
    if (isEnded) await this.#latest;
    return this.#kept;
  }

  #keep(kept: Kept): void {
    if (kept.isUsable || !this.#kept.isUsable) this.#kept = kept;
  }
}

function whole(content: EvidenceContent): Kept {
  return { content, isUsable: content.evidenceBundle.summary.validCount > 0 };
}
