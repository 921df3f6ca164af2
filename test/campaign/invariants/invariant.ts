import type { History } from "../history.ts";

/** Something that holds whatever happens. */
export interface Invariant {
  /** What is promised, as a sentence. */
  readonly promise: string;
  /** Looks at all that it applies to in a history, and says of each whether it is as it should be. */
  check(history: History, expect: Expect): void;
}

/** @param violation what is wrong, in words; asked for only where something is */
export type Expect = (holds: boolean, violation: () => string) => void;
