import { systemClock } from "../../src/core/clock.ts";
import type { Random } from "../../src/core/random.ts";
import { type AnyTool, defineTool, PromptBundleTool, resolveModel } from "../../src/index.ts";
import { errorOf } from "../../src/testing/faults.ts";
import { untilAborted } from "../../src/testing/scripted-model.ts";
import { injectFaults, scriptedModel } from "../../src/testing.ts";
import { answerSchema, answerText } from "./answers.ts";
import { below, inPercent } from "./chance.ts";
import type { Counts } from "./counts.ts";
import type { ProviderServer } from "./provider-server.ts";
import { type ProviderName, type Weather, weatherFaults } from "./weather.ts";

/** Where tools live. */
export interface Surroundings {
  readonly weather: Weather;
  readonly faults: Counts;
  readonly server: ProviderServer;
}

const longestLatencyMs = 15;
/** Longer than any attempt may last. */
const lateMs = 900;
const rateLimitPercent = 5;
const longestPauseMs = 40;

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
const prompt = "Report: {{report}}";

export type SharedTools = Awaited<ReturnType<typeof makeSharedTools>>;

/** The tools that all runs share, as those of a program that was started once. */
export async function makeSharedTools({ server, weather, faults }: Surroundings, random: Random) {
  const model = await resolveModel(`openai-compatible:${server.baseURL}#soak`);
  return {
    plain: makePlainTool("first", weather, random, faults),
    backup: makePlainTool("second", weather, random, faults),
    overHttp: new PromptBundleTool({
      name: "over-http",
      model,
      prompt,
      maxOutputTokens: 50,
      defaultOptions: { schema: answerSchema },
    }),
  };
}

/** A tool that waits and answers, or fails: at once, by never answering, or by answering after its run has ended. */
function makePlainTool(provider: ProviderName, weather: Weather, random: Random, faults: Counts): AnyTool {
  return defineTool({
    name: `plain-${provider}`,
    provider,
    async execute({ report }: { report: string }, _options, { signal, reportUsage }) {
      const fault = weather.draw(provider);
      if (fault) faults.add(`${provider}: ${fault}`);
      await systemClock.sleep(below(longestLatencyMs, random), { signal });
      const error = fault && errorOf(fault, random.next());
      if (fault && !error) await (fault === "hang" ? untilAborted(signal) : systemClock.sleep(lateMs));
      reportUsage(usage);
      if (error) throw error;
      return { severity: "low", reason: report };
    },
  });
}

/** A tool that is made for one run, and tells afterwards which faults it met. */
export interface ScriptedTool {
  readonly tool: AnyTool;
  countFaults(): void;
}

/**
 * A tool whose model fails as the weather says. A scripted model keeps all that it was asked: each run gets its own. One in
 * twenty brings a schema of its own, which has to be compiled.
 */
export function makeScriptedTool(
  provider: ProviderName,
  { weather, faults }: Surroundings,
  random: Random,
): ScriptedTool {
  const answering = scriptedModel(
    async ({ signal }) => {
      await systemClock.sleep(below(longestLatencyMs, random), { signal });
      if (!inPercent(rateLimitPercent, random)) return { text: answerText(random), usage };
      faults.add(`${provider}: rate_limit`);
      return { status: 429, retryAfterMs: below(longestPauseMs, random) };
    },
    { provider },
  );
  const seed = below(2 ** 31, random);
  const model = injectFaults(answering, { seed, rate: weather.faultRate(provider), kinds: weatherFaults, lateMs });
  const schema = inPercent(5, random) ? structuredClone(answerSchema) : answerSchema;
  return {
    tool: new PromptBundleTool({
      name: `scripted-${provider}`,
      model,
      prompt,
      maxOutputTokens: 50,
      defaultOptions: { schema },
    }),
    countFaults() {
      for (const [kind, times] of Object.entries(model.injected))
        if (times > 0) faults.add(`${provider}: ${kind}`, times);
    },
  };
}
