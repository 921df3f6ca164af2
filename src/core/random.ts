/** A source of uniform numbers in [0, 1). */
export interface Random {
  /** The next number. */
  next(): number;
}

/** The process's own randomness: for jitter and ids, where nothing has to be repeated. */
export const systemRandom: Random = { next: () => Math.random() };

/**
 * A generator that gives the same numbers for the same seed on every machine (splitmix32: Steele, Lea and Flood 2014,
 * in its 32-bit form).
 *
 * @param seed Any integer; only its low 32 bits count.
 *
 * @example
 * ```ts
 * const random = seededRandom(7);
 * random.next() === seededRandom(7).next(); // true
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      mixed ^= mixed >>> 15;
      return (mixed >>> 0) / 0x1_0000_0000;
    },
  };
}

/** An identifier that is unique; repeatable where the randomness is. */
export function createId(random: Random = systemRandom): string {
  if (random === systemRandom) return crypto.randomUUID();
  const hex = Array.from({ length: 4 }, () => Math.floor(random.next() * 0x1_0000_0000));
  return hex.map((word) => word.toString(16).padStart(8, "0")).join("");
}
