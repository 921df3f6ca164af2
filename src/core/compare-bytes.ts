/** Orders texts by their UTF-8 bytes, as databases order keys. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
