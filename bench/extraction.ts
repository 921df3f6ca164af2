/**
 * How long reading an answer takes, for texts that are made to be slow. The process does nothing else in that time, which is
 * that of the main thread's CPU.
 *
 *     node bench/extraction.ts [--json]
 *
 * Each shape is read at a quarter, a half and the whole of a mebibyte, as JSON and as text; the best of three counts. The slope
 * is the exponent of time over bytes from a quarter to the whole: 1 is linear, 2 is quadratic.
 *
 * Not measured: the check by a schema of the caller's, which may take what time it likes.
 */
import { parseArgs } from "node:util";
import { readAnswer } from "../src/schema/read-answer.ts";
import { shapes, textOf } from "./extraction/shapes.ts";

const sizes = [2 ** 18, 2 ** 19, 2 ** 20];
const rounds = 3;

const jsonSchema = { type: "object", required: ["a"] };
const schema = {
  jsonSchema,
  check: async (value: unknown) => ({ ok: Object(value) === value && "a" in Object(value) }),
};

async function bestOf(text: string, isJson: boolean): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const startedAt = process.threadCpuUsage();
    await readAnswer(text, { finishReason: "stop", schema: isJson ? schema : undefined }).catch(() => undefined);
    const { user, system } = process.threadCpuUsage(startedAt);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

const rows = [];
for (const shape of shapes) {
  const ms: number[] = [];
  for (const size of sizes) ms.push(await bestOf(textOf(shape, size), true));
  const [quarter = 0, half = 0, whole = 0] = ms;
  const asText = await bestOf(textOf(shape, sizes[2] as number), false);
  rows.push({ name: shape.name, quarter, half, whole, slope: Math.log(whole / quarter) / Math.log(4), asText });
}

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
if (values.json) console.log(JSON.stringify({ node: process.version, rounds, rows }, undefined, 2));
else {
  console.table(
    Object.fromEntries(
      rows.map(({ name, quarter, half, whole, slope, asText }) => [
        name,
        {
          "256 KiB, ms": quarter.toFixed(1),
          "512 KiB, ms": half.toFixed(1),
          "1 MiB, ms": whole.toFixed(1),
          slope: slope.toFixed(2),
          "1 MiB as text, ms": asText.toFixed(1),
        },
      ]),
    ),
  );
  const slowest = Math.max(...rows.flatMap(({ whole, asText }) => [whole, asText]));
  console.log(`${rows.length} shapes; the slowest takes ${slowest.toFixed(1)} ms at 1 MiB`);
}
