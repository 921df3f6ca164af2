import type { ScriptedModel } from "steer-llm-sdk/testing";

type StreamOptions = Parameters<ScriptedModel["doStream"]>[0];
type Parts = Awaited<ReturnType<ScriptedModel["doStream"]>>["stream"];

/** A model whose connection breaks in the middle of its first answer. */
export function breakOff(model: ScriptedModel): ScriptedModel {
  return disturbFirst(model, async () => {
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  });
}

/** A model that says nothing more in the middle of its first answer. */
export function fallSilent(model: ScriptedModel): ScriptedModel {
  return disturbFirst(
    model,
    ({ abortSignal }) =>
      new Promise((_, reject) => abortSignal?.addEventListener("abort", () => reject(abortSignal.reason))),
  );
}

function disturbFirst(model: ScriptedModel, disturbance: (options: StreamOptions) => Promise<never>): ScriptedModel {
  let isFirst = true;
  return {
    ...model,
    async doStream(options) {
      const result = await model.doStream(options);
      if (!isFirst) return result;
      isFirst = false;
      return { ...result, stream: ReadableStream.from(disturbed(result.stream, () => disturbance(options))) };
    },
  };
}

async function* disturbed(parts: Parts, disturbance: () => Promise<never>) {
  let words = 0;
  for await (const part of parts) {
    yield part;
    if (part.type === "text-delta" && ++words === 3) await disturbance();
  }
}
