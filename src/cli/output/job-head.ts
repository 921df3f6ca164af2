import { fingerprint } from "../../core/canonical.ts";
import type { JSONValue } from "../../core/json.ts";
import { packageVersion } from "../../core/package-root.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { cut } from "../progress/format.ts";

/** Facts of a job. They stand as `job` in the first line of its output, so that a later start knows what it goes on with. */
export interface JobHead {
  /** Fingerprint of the tool with its options; part of the fingerprint of each line. */
  readonly fingerprint: string;
  /** Version of this package at the first start. */
  readonly steer: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** Entries of the tool file by which answers are asked for, its headers aside; absent for a module. */
  readonly asks?: Readonly<Record<string, JSONValue>>;
  /** Bundle options that the command line gave. */
  readonly options: Readonly<Record<string, JSONValue>>;
  /** Draw of `--sample`. */
  readonly sample?: Sample;
}

/** Inputs that stand for all: `count` of them, drawn evenly by a seed. */
export interface Sample {
  readonly count: number;
  readonly seed: number;
}

/** Returns the facts of a job that is about to start. */
export function jobHead({ tool, definition }: LoadedTool, toolOptions: object, sample: Sample | undefined): JobHead {
  const asked = definition && withoutPacing(definition);
  const { name, version } = tool;
  return {
    fingerprint: fingerprint({ tool: asked ?? { name, version }, toolOptions }),
    steer: packageVersion(),
    tool: { name, version },
    ...(asked && { asks: shownOf(asked) }),
    options: toolOptions as JobHead["options"],
    ...(sample && { sample }),
  };
}

/** Prices, limits and what is accepted change no answer: a job goes on when they do. */
function withoutPacing(definition: object): Record<string, unknown> {
  const asked = { ...definition } as Record<string, unknown>;
  for (const name of ["prices", "limits", "accept", "verifier", "secondModel"]) delete asked[name];
  return asked;
}

/** Headers may hold keys, and an address a password. */
function shownOf({ headers: _headers, ...asked }: Record<string, unknown>): Record<string, JSONValue> {
  const text = JSON.stringify(asked).replace(/(https?:\/\/)[^/@"\s]+@/g, "$1");
  return JSON.parse(text) as Record<string, JSONValue>;
}

/**
 * Names what differs between the job of an output file and the one that would go on with it, one text each.
 *
 * @param now the job that is about to start
 */
export function differences(before: JobHead, now: JobHead): string[] {
  const seeds = [before.sample?.seed, now.sample?.seed];
  const isOtherDraw = seeds[0] !== undefined && seeds[1] !== undefined && seeds[0] !== seeds[1];
  const draw = isOtherDraw ? [`the seed of --sample was ${seeds[0]}, and is ${seeds[1]}`] : [];
  if (before.fingerprint === now.fingerprint) return draw;
  const found = [
    ...differingKeys("", before.asks ?? toolFacts(before), now.asks ?? toolFacts(now)),
    ...differingKeys("--", before.options, now.options),
  ];
  return [...(found.length > 0 ? found : ["the headers of the tool file changed"]), ...draw];
}

function toolFacts({ tool }: JobHead): Record<string, JSONValue> {
  return { ...tool };
}

type Entries = Readonly<Record<string, JSONValue>>;

function differingKeys(prefix: string, before: Entries, now: Entries): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return keys
    .filter((key) => fingerprint(before[key]) !== fingerprint(now[key]))
    .map((key) => `${prefix}${key} was ${shown(before[key])}, and is ${shown(now[key])}`);
}

function shown(value: JSONValue | undefined): string {
  return value === undefined ? "not given" : cut(JSON.stringify(value), 60);
}
