import { type OrchestrationConfig, orchestrationConfig } from "../contract/config.ts";
import { optionPlaces } from "../contract/option-places.ts";
import type { BundleCalibrations, Logger, OrchestratorSettings, PriceSource } from "../contract/settings.ts";
import type { ToolRegistry } from "../contract/tool.ts";
import { snapshot } from "../core/canonical.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { collectOptions, unknownOption } from "../core/options.ts";
import { type Random, systemRandom } from "../core/random.ts";
import { getGlobalRegistry } from "../tool/registry.ts";
import { calibrationsFor, calibrationsOf } from "./calibrations.ts";
import type { ReliabilityState } from "./state.ts";

/** An orchestrator's settings with their defaults. */
export interface ResolvedSettings {
  readonly registry: ToolRegistry<any>;
  readonly defaultOptions: OrchestrationConfig | undefined;
  readonly prices: PriceSource | undefined;
  readonly estimateTokens: OrchestratorSettings["estimateTokens"];
  readonly calibrations: BundleCalibrations | undefined;
  /** True where spans show what was asked and answered. */
  readonly showsContent: boolean;
  readonly logger: Logger | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Check of one setting: one of some names, or an object with some methods. */
export interface SettingRule {
  readonly names?: readonly string[];
  readonly isFunction?: boolean;
  readonly isDuration?: boolean;
  readonly methods: readonly string[];
  /** The phrase for it. */
  readonly allowed: string;
  /** Names the faults in a value of the right kind. */
  faultsIn?(value: unknown): readonly OptionIssue[];
}

const settings: Readonly<Record<string, SettingRule>> = {
  registry: { methods: ["get", "list"], allowed: "a registry, as createRegistry([…]) gives it" },
  defaultOptions: { methods: [], allowed: "an object of run options", faultsIn: faultsInDefaults },
  prices: { methods: ["costUsd"], allowed: "an object with a costUsd function" },
  estimateTokens: { isFunction: true, methods: [], allowed: "a function that gives the tokens of a text" },
  calibrations: {
    names: ["off"],
    methods: ["confidence"],
    allowed: '"off", a CalibrationStore, or an object with a confidence function',
  },
  telemetry: {
    methods: [],
    allowed: "{ content: true }, which shows prompts and answers in spans",
    faultsIn: faultsInTelemetry,
  },
  logger: { methods: ["debug", "info", "warn", "error"], allowed: "a logger with debug, info, warn and error" },
  clock: { methods: ["now", "sleep"], allowed: "a clock with now and sleep" },
  random: { methods: ["next"], allowed: "an object with a next function" },
};

/**
 * Checks an orchestrator's settings.
 *
 * @param further the settings that a subclass adds
 * @throws InvalidOptionsError naming every fault
 */
export function resolveSettings(
  given: OrchestratorSettings<any> | undefined,
  further: Readonly<Record<string, SettingRule>> = {},
): ResolvedSettings {
  const known = { ...settings, ...further };
  const issues = Object.entries(given ?? {}).flatMap(([name, value]) => issuesOf(name, value, known));
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return {
    registry: given?.registry ?? getGlobalRegistry(),
    defaultOptions: given?.defaultOptions && snapshot(given.defaultOptions, "defaultOptions"),
    prices: given?.prices,
    estimateTokens: given?.estimateTokens,
    calibrations: calibrationsOf(given?.calibrations, givenState(given)?.calibrations ?? calibrationsFor(given ?? {})),
    showsContent: given?.telemetry?.content === true,
    logger: given?.logger,
    clock: given?.clock ?? systemClock,
    random: given?.random ?? systemRandom,
  };
}

/** The state that a reliable orchestrator was given. */
function givenState(given: object | undefined): ReliabilityState | undefined {
  return given && "state" in given ? (given.state as ReliabilityState | undefined) : undefined;
}

function issuesOf(name: string, value: unknown, known: Readonly<Record<string, SettingRule>>): readonly OptionIssue[] {
  if (value === undefined) return [];
  const rule = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!rule) {
    const there = { what: "a setting of an orchestrator", known: Object.keys(known), elsewhere: optionPlaces };
    return [unknownOption(name, name, value, there)];
  }
  if (!fits(value, rule)) return [{ path: name, given: value, allowed: rule.allowed }];
  return rule.faultsIn?.(value) ?? [];
}

function faultsInTelemetry(value: unknown): readonly OptionIssue[] {
  return Object.entries(value as object).flatMap(([name, given]) =>
    name === "content" && (given === undefined || typeof given === "boolean")
      ? []
      : [
          {
            path: `telemetry.${name}`,
            given,
            allowed: name === "content" ? "true or false" : "nothing: telemetry has content alone",
          },
        ],
  );
}

function faultsInDefaults(value: unknown): readonly OptionIssue[] {
  const issues: OptionIssue[] = [];
  collectOptions(orchestrationConfig, value, "defaultOptions", issues);
  return issues;
}

function fits(value: unknown, { names, isFunction, isDuration, methods }: SettingRule): boolean {
  if (isFunction) return typeof value === "function";
  if (isDuration) return typeof value === "number" && value >= 0;
  if (typeof value === "string") return names?.includes(value) ?? false;
  return isObject(value) && methods.every((method) => typeof value[method] === "function");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
