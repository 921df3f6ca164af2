import { createId, type Random, seededRandom } from "../../src/core/random.ts";
import { type AnyTool, BundleTool } from "../../src/index.ts";
import { below, inPercent, pick } from "./chance.ts";
import { keyOf } from "./stores.ts";
import { makeScriptedTool, type SharedTools, type Surroundings } from "./tools.ts";

/** What is asked for, without who asks and how. */
export interface DrawnRun {
  readonly params: Readonly<Record<string, any>>;
  /** To be called once the run is over. */
  countFaults(): void;
}

export interface Drawing extends Surroundings {
  readonly tools: SharedTools;
}

/** Few enough that some ask at the same time, some later, and some once more when the key has expired. */
const keysInAWave = 20;
/** No run takes longer. */
const longestRunMs = 2_000;

/** Draws a run. A key stands for one request, except in one run of twenty. */
export function drawRun(drawing: Drawing, wave: number, random: Random): DrawnRun {
  const keyNumber = inPercent(50, random) ? below(keysInAWave, random) : undefined;
  const ofRequest = keyNumber === undefined ? random : seededRandom(wave * keysInAWave + keyNumber);
  const { tool, fallbackTools, countFaults = () => {} } = drawTools(drawing, ofRequest, random);
  const isOther = keyNumber !== undefined && inPercent(5, random);
  const toolOptions = tool instanceof BundleTool ? drawToolOptions(ofRequest) : undefined;
  return {
    params: {
      request: { report: isOther ? "another" : `number ${below(1_000_000, ofRequest)}` },
      ...(tool && { tool }),
      ...(fallbackTools && { fallbackTools }),
      ...(toolOptions && { toolOptions }),
      options: { ...drawOptions(random), ...(keyNumber !== undefined && { idempotencyKey: keyOf(wave, keyNumber) }) },
    },
    countFaults,
  };
}

interface DrawnTools {
  /** Left out, the planner chooses. */
  readonly tool?: AnyTool;
  readonly fallbackTools?: readonly AnyTool[];
  countFaults?(): void;
}

/** Whose answers tools are made of; as many as there are of a kind, so often. */
const kinds = ["plain", "plain", "scripted", "scripted", "over HTTP", "over HTTP", "over HTTP", "planned"] as const;

function drawTools(drawing: Drawing, ofRequest: Random, random: Random): DrawnTools {
  const { plain, backup, overHttp } = drawing.tools;
  const kind = pick(kinds, ofRequest);
  const hasFallback = inPercent(40, ofRequest);
  if (kind === "planned") return {};
  if (kind === "scripted") {
    const scripted = makeScriptedTool(pick(["first", "second"], ofRequest), drawing, random);
    return { ...scripted, ...(hasFallback && { fallbackTools: [overHttp] }) };
  }
  return { tool: kind === "plain" ? plain : overHttp, ...(hasFallback && { fallbackTools: [backup] }) };
}

function drawToolOptions(random: Random): object {
  return {
    k: 1 + below(5, random),
    maxParallel: 1 + below(4, random),
    stopping: pick(["none", "lossless", "horizon"], random),
    ...(inPercent(10, random) && { globalBudget: { tokens: below(1_000, random) } }),
    ...(inPercent(10, random) && { perReplicateBudget: { timeMs: 1 + below(60, random) } }),
  };
}

function drawOptions(random: Random): object {
  return {
    requestId: createId(random),
    streaming: inPercent(50, random),
    timeoutMs: inPercent(20, random) ? 1 + below(100, random) : longestRunMs,
    ...(inPercent(15, random) && { budget: { tokens: below(400, random) } }),
    ...(inPercent(5, random) && { budget: { costUsd: below(400, random) / 1e6 } }),
  };
}
