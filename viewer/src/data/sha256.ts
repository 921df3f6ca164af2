/**
 * SHA-256 (FIPS 180-4) in the place of `node:crypto`: fingerprints of labels are computed in the middle of other work, and a
 * browser gives digests only later.
 */
export function hash(_algorithm: "sha256", text: string): string {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x2000_0000));
  view.setUint32(padded.length - 4, bytes.length << 3);
  const state = roots(8, 1 / 2);
  const words = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += 64) addBlock(state, words, view, at);
  return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** First 32 bits of the fractions of the roots of the first primes. */
function roots(count: number, power: number): Uint32Array {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return Uint32Array.from(primes, (prime) => (prime ** power % 1) * 0x1_0000_0000);
}

const constants = roots(64, 1 / 3);

function addBlock(state: Uint32Array, words: Uint32Array, view: DataView, at: number): void {
  for (let i = 0; i < 64; i++) words[i] = i < 16 ? view.getUint32(at + i * 4) : scheduled(words, i);
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const sum1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + (constants[i] as number) + (words[i] as number)) | 0;
    const sum0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] as number) + value;
}

function scheduled(words: Uint32Array, i: number): number {
  const [early, late] = [words[i - 15] as number, words[i - 2] as number];
  const sum0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
  const sum1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
  return (words[i - 16] as number) + sum0 + (words[i - 7] as number) + sum1;
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
