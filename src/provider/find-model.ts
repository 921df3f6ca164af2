import type { LanguageModelLike } from "../contract/model.ts";
import type { Clock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { nearest } from "../core/nearest.ts";
import { compatibleModel, packagedModel, providerPackages } from "./provider-package.ts";

const loadRecorded = lazily(() => import("./recorded.ts"));
const loadSimulated = lazily(() => import("./simulated.ts"));

const ownPrefixes = ["openai-compatible", "recorded", "simulated"];

/**
 * The model of a name such as `"openai:gpt-5-mini"`; a model object is given back as it is.
 *
 * @param clock by which a simulation waits
 * @throws InvalidOptionsError for a name that leads nowhere, or what is no model
 */
export async function findModel(
  reference: string | LanguageModelLike,
  clock: Clock | undefined,
): Promise<LanguageModelLike> {
  if (typeof reference !== "string") return checkedModel(reference);
  const colon = reference.indexOf(":");
  const prefix = reference.slice(0, Math.max(colon, 0));
  const rest = reference.slice(colon + 1);
  const provider = Object.hasOwn(providerPackages, prefix) ? providerPackages[prefix] : undefined;
  if (provider && rest) return packagedModel(reference, provider, rest);
  if (prefix === "openai-compatible") return compatibleModel(reference, rest);
  if (prefix === "recorded") return (await loadRecorded()).recordedModel(rest);
  if (prefix === "simulated") return (await loadSimulated()).parseSimulatedModel(rest, clock);
  throw unknownReference(reference, prefix);
}

function checkedModel(model: LanguageModelLike): LanguageModelLike {
  const { specificationVersion: version, doGenerate } = (model ?? {}) as Partial<LanguageModelLike>;
  if ((version === "v3" || version === "v4") && typeof doGenerate === "function") return model;
  const given = version === undefined ? model : `a model of specification ${version}`;
  const allowed =
    'a model of the AI SDK\'s specification v3 or v4 (its releases 6 and 7), or a text such as "openai:gpt-5-mini"';
  throw new InvalidOptionsError([{ path: "model", given, allowed }]);
}

function unknownReference(reference: string, prefix: string): InvalidOptionsError {
  const known = [...Object.keys(providerPackages), ...ownPrefixes];
  const guess = nearest(prefix, known);
  const choices = `"provider:model" with one of ${known.join(", ")}`;
  const allowed = guess && guess !== prefix ? `${choices}; did you mean "${guess}:"?` : choices;
  return new InvalidOptionsError([{ path: "model", given: reference, allowed }]);
}
