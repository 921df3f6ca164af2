import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify } from "../../src/guard/classify.ts";
import { createFakeClock, type FaultKind, faultKinds, injectFaults, scriptedModel } from "../../src/testing.ts";

const prompt = [{ role: "user", content: [{ type: "text", text: "?" }] }];
const answering = () => scriptedModel(() => ({ text: '{"a": 1, "b": 2}', usage: { inputTokens: 1, outputTokens: 1 } }));
const always = (kind: FaultKind) => ({ seed: 1, rate: 1, kinds: [kind] });

/** What a call came to, in a form that can be compared. */
async function outcomeOf(call: PromiseLike<{ content: unknown }>): Promise<unknown> {
  return call.then(
    ({ content }) => content,
    (error: Error) => error.message,
  );
}

async function textOf(stream: AsyncIterable<{ delta?: string }>): Promise<string> {
  let text = "";
  for await (const part of stream) text += part.delta ?? "";
  return text;
}

const errorKinds = faultKinds.filter((kind) => !["hang", "garbage", "cut", "late"].includes(kind));

describe("injectFaults", () => {
  test.each(errorKinds)("an error of kind %s is classified as that, whatever its form", async (kind) => {
    const model = injectFaults(answering(), { ...always(kind), seed: 3 });
    for (let call = 0; call < 10; call++) {
      const ask = call % 2 === 0 ? model.doGenerate({ prompt }) : model.doStream({ prompt });
      const error = await ask.then(undefined, (thrown: unknown) => thrown);
      expect(classify(error).category).toBe(kind);
    }
    expect(model.injected[kind]).toBe(10);
  });

  test("a hang ends with the abort, and with its reason", async () => {
    const model = injectFaults(answering(), always("hang"));
    const controller = new AbortController();
    const pending = model.doStream({ prompt, abortSignal: controller.signal });
    controller.abort("enough");
    await expect(pending).rejects.toBe("enough");
  });

  test("garbage keeps the length of the text and none of its meaning, whole and streamed", async () => {
    const model = injectFaults(answering(), always("garbage"));
    expect((await model.doGenerate({ prompt })).content).toEqual([{ type: "text", text: "##### ## #### ##" }]);
    const { stream } = await model.doStream({ prompt });
    expect(await textOf(stream)).toBe("##### ## #### ##");
  });

  test("a cut connection loses the end of the answer, and never gives a finish", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const model = injectFaults(answering(), { ...always("cut"), seed });
      const { stream } = await model.doStream({ prompt });
      const seen: string[] = [];
      const reading = (async () => {
        for await (const part of stream) seen.push(part.type);
      })();
      const error = await reading.then(undefined, (thrown: unknown) => thrown);
      expect(classify(error).category).toBe("network");
      expect(seen).not.toContain("finish");
      await expect(model.doGenerate({ prompt })).rejects.toThrow("connection was lost");
    }
  });

  test("a late answer comes even after an abort, once its time has passed", async () => {
    const clock = createFakeClock();
    const model = injectFaults(answering(), { ...always("late"), lateMs: 500, clock });
    const pending = model.doGenerate({ prompt });
    await clock.advance(499);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await pending).content).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("gives the same faults for the same seed, and leaves the other calls as they are", async () => {
    const kinds = errorKinds;
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), async (seed, rate) => {
        const outcomes = async () => {
          const model = injectFaults(answering(), { seed, rate, kinds });
          const calls = Array.from({ length: 20 }, () => outcomeOf(model.doGenerate({ prompt })));
          const settled = await Promise.all(calls);
          const count = Object.values(model.injected).reduce((sum, times) => sum + times, 0);
          expect(settled.filter((outcome) => typeof outcome === "string")).toHaveLength(count);
          return settled;
        };
        expect(await outcomes()).toEqual(await outcomes());
      }),
      { numRuns: 50 },
    );
  });

  test("injects about the rate that it is told, of each kind alike", async () => {
    const model = injectFaults(answering(), { seed: 5, rate: 0.5, kinds: errorKinds });
    await Promise.all(Array.from({ length: 4_000 }, () => outcomeOf(model.doGenerate({ prompt }))));
    for (const kind of errorKinds) expect(model.injected[kind]).toBeGreaterThan(140);
    expect(model.injected.hang).toBe(0);
    expect(Object.values(model.injected).reduce((sum, times) => sum + times, 0)).toBeLessThan(2_200);
  });

  test("stays the model that it was in name and source", () => {
    const model = injectFaults(scriptedModel([], { provider: "acme", modelId: "m" }), { seed: 1 });
    expect(model).toMatchObject({ provider: "acme", modelId: "m", source: "simulated", specificationVersion: "v4" });
  });
});
