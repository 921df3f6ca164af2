import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CountingProvider, startCountingProvider } from "../support/counting-provider.ts";
import { sharedPlaces, type TestPlace } from "../support/shared-places.ts";
import type { Contender, Contest, Ending, Result } from "./programs/contender.ts";

const program = join(import.meta.dirname, "programs", "contender.ts");
/** Fifty runs, among four processes. */
const shares = [13, 13, 12, 12];

for (const { name, isMissing, create } of sharedPlaces) {
  describe.skipIf(isMissing)(`four processes with one key in ${name}`, () => {
    let data: TestPlace;
    let contenders: readonly ChildProcess[];
    beforeEach(async () => {
      data = await create();
    });
    afterEach(async () => {
      await Promise.all(contenders.map(leave));
      await data.remove();
    });

    test("fifty concurrent runs execute once and get equal results; meanwhile fifty of another payload conflict", async () => {
      let answer = () => {};
      let isAsked = () => {};
      const allowed = new Promise<void>((resolve) => (answer = resolve));
      const asked = new Promise<void>((resolve) => (isAsked = resolve));
      await using provider = await startCountingProvider(async () => {
        isAsked();
        await allowed;
      });
      contenders = await startContenders(data, provider);

      const endings = contest(contenders, { idempotencyKey: "order-17", request: { key: "one payload" } });
      await asked;
      const others = await contest(contenders, { idempotencyKey: "order-17", request: { key: "another payload" } });
      expect(others).toEqual(Array.from({ length: 50 }, () => ({ conflict: "fingerprint" })));

      answer();
      const outputs = (await endings).map((ending) => ("output" in ending ? asFirstTold(ending.output) : ending));
      expect(outputs).toHaveLength(50);
      expect(outputs[0]).toMatchObject({ status: "completed", usage: { inputTokens: 40 } });
      for (const output of outputs) expect(output).toEqual(outputs[0]);
      expect(provider.calls.map(({ key }) => key)).toEqual(Array(4).fill("one payload"));
      expect(new Set(provider.calls.map(({ caller }) => caller)).size).toBe(1);
    });
  });
}

/** What is told again says so, and is equal otherwise. */
function asFirstTold<O extends { metadata: { replayed?: boolean } }>({ metadata, ...output }: O): object {
  const { replayed, ...rest } = metadata;
  return { ...output, metadata: rest };
}

async function startContenders({ place }: TestPlace, { baseURL }: CountingProvider): Promise<readonly ChildProcess[]> {
  const started = shares.map((_, index) => {
    const contender: Contender = { place, baseURL, name: `contender ${index}` };
    return fork(program, [JSON.stringify(contender)], { execArgv: ["--no-warnings"] });
  });
  await Promise.all(started.map((child) => once(child, "message")));
  return started;
}

/** All runs at once; resolves when all have ended. */
async function contest(contenders: readonly ChildProcess[], wanted: Omit<Contest, "runs">): Promise<readonly Ending[]> {
  const endings = await Promise.all(
    contenders.map((child, index) => endingsOf(child, { ...wanted, runs: shares[index] ?? 0 })),
  );
  return endings.flat();
}

function endingsOf(child: ChildProcess, contest: Contest): Promise<readonly Ending[]> {
  child.send(contest);
  const endings: Ending[] = [];
  return new Promise((resolve) => {
    child.on("message", function collect({ payload, ending }: Result) {
      if (payload !== contest.request.key) return;
      endings.push(ending);
      if (endings.length < contest.runs) return;
      child.off("message", collect);
      resolve(endings);
    });
  });
}

async function leave(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}
