import type { InputFacts, InputReader } from "../../../src/cli/input/input.ts";

/** Bytes that arrive in pieces of the given sizes, over and over. */
export async function* inPieces(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length || 1],
): AsyncGenerator<Uint8Array> {
  for (let start = 0, turn = 0; start < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The inputs of a file named "in". */
export function read(reader: InputReader, text: string | Uint8Array, sizes?: readonly number[], facts?: InputFacts) {
  return collect(reader(inPieces(typeof text === "string" ? Buffer.from(text) : text, sizes), "in", facts));
}

export async function requests(reader: InputReader, text: string | Uint8Array): Promise<unknown[]> {
  return (await read(reader, text)).map(({ request }) => request);
}
