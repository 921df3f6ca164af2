import type { OrchestrationConfig } from "../contract/config.ts";
import type { CalibrationSource, Logger, OrchestratorSettings, PriceSource } from "../contract/settings.ts";
import type { ToolRegistry } from "../contract/tool.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type Random, systemRandom } from "../core/random.ts";
import { getGlobalRegistry } from "../tool/registry.ts";

/** An orchestrator's settings with their defaults. */
export interface ResolvedSettings {
  readonly registry: ToolRegistry<any>;
  readonly defaultOptions: OrchestrationConfig | undefined;
  readonly prices: PriceSource | undefined;
  readonly calibrations: CalibrationSource | undefined;
  readonly logger: Logger | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** The methods that make each setting what it is, and the phrase for it. */
const settings: Record<string, { methods: readonly string[]; allowed: string }> = {
  registry: { methods: ["get", "list"], allowed: "a registry, as createRegistry([…]) gives it" },
  defaultOptions: { methods: [], allowed: "an object of run options" },
  prices: { methods: ["costUsd"], allowed: "an object with a costUsd function" },
  calibrations: { methods: ["confidence"], allowed: "a CalibrationStore, or an object with a confidence function" },
  logger: { methods: ["debug", "info", "warn", "error"], allowed: "a logger with debug, info, warn and error" },
  clock: { methods: ["now", "sleep"], allowed: "a clock with now and sleep" },
  random: { methods: ["next"], allowed: "an object with a next function" },
};

/**
 * Checks an orchestrator's settings.
 *
 * @param further names of settings that a subclass knows
 * @throws InvalidOptionsError naming every fault
 */
export function resolveSettings(
  given: OrchestratorSettings<any> | undefined,
  further: readonly string[] = [],
): ResolvedSettings {
  const issues = Object.entries(given ?? {}).flatMap(([name, value]) => issueOf(name, value, further));
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return {
    registry: given?.registry ?? getGlobalRegistry(),
    defaultOptions: given?.defaultOptions,
    prices: given?.prices,
    calibrations: given?.calibrations,
    logger: given?.logger,
    clock: given?.clock ?? systemClock,
    random: given?.random ?? systemRandom,
  };
}

function issueOf(name: string, value: unknown, further: readonly string[]): OptionIssue[] {
  if (value === undefined || further.includes(name)) return [];
  const setting = settings[name];
  if (!setting) return [{ path: name, given: value, allowed: adviceFor(name, [...Object.keys(settings), ...further]) }];
  const isFit =
    typeof value === "object" &&
    value !== null &&
    setting.methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function");
  return isFit ? [] : [{ path: name, given: value, allowed: setting.allowed }];
}

function adviceFor(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  return `${guess ? `did you mean "${guess}"? ` : ""}one of ${known.join(", ")}`;
}
