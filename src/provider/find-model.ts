import type { LanguageModelLike } from "../contract/model.ts";
import type { Clock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { nearest } from "../core/nearest.ts";

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

/** A provider whose models are named `provider:model`. */
interface ProviderPackage {
  readonly package: string;
  /** The version that an install command names. */
  readonly version: string;
  /** What the package exports to make a model of a name. */
  readonly factory: string;
  readonly keyVariable: string;
}

export const providerPackages: Readonly<Record<string, ProviderPackage>> = {
  openai: { package: "@ai-sdk/openai", version: "4.0.118", factory: "openai", keyVariable: "OPENAI_API_KEY" },
  anthropic: {
    package: "@ai-sdk/anthropic",
    version: "4.0.105",
    factory: "anthropic",
    keyVariable: "ANTHROPIC_API_KEY",
  },
  google: {
    package: "@ai-sdk/google",
    version: "4.0.121",
    factory: "google",
    keyVariable: "GOOGLE_GENERATIVE_AI_API_KEY",
  },
  mistral: { package: "@ai-sdk/mistral", version: "4.0.87", factory: "mistral", keyVariable: "MISTRAL_API_KEY" },
  xai: { package: "@ai-sdk/xai", version: "5.0.12", factory: "xai", keyVariable: "XAI_API_KEY" },
};

/** The package behind `openai-compatible:`. */
const compatible = { package: "@ai-sdk/openai-compatible", version: "3.0.92" };

/** A model of an installed provider package, with the key that the package reads from the environment. */
export async function packagedModel(
  reference: string,
  provider: ProviderPackage,
  name: string,
): Promise<LanguageModelLike> {
  const exported = await importPackage(reference, provider);
  if (!process.env[provider.keyVariable])
    throw unusable(reference, `a provider whose key is known: set the environment variable ${provider.keyVariable}`);
  return exported[provider.factory](name);
}

/**
 * A model of any server that speaks OpenAI's chat completions: `<base URL>#<model>`. Sends the key in
 * `OPENAI_COMPATIBLE_API_KEY`, if there is one. The server is trusted to take a JSON schema as its response format.
 */
export async function compatibleModel(reference: string, address: string): Promise<LanguageModelLike> {
  const [baseURL = "", name = ""] = address.split("#", 2);
  const url = URL.parse(baseURL);
  // What may be a secret is left out of the error.
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || !name)
    throw unusable(
      url ? `openai-compatible:${url.protocol}//${url.host}${url.pathname}` : reference,
      '"openai-compatible:<base URL>#<model>" with neither a password nor a query in it, such as "openai-compatible:http://localhost:11434/v1#llama3.2"',
    );
  const { createOpenAICompatible } = await importPackage(reference, compatible);
  return createOpenAICompatible({
    name: `openai-compatible:${url.host}`,
    baseURL,
    apiKey: process.env["OPENAI_COMPATIBLE_API_KEY"],
    includeUsage: true,
    supportsStructuredOutputs: true,
  })(name);
}

async function importPackage(reference: string, wanted: { package: string; version: string }): Promise<any> {
  try {
    return await import(wanted.package);
  } catch (error) {
    if (!isMissing(error, wanted.package)) throw error;
    throw unusable(reference, `a provider that is installed: npm install ${wanted.package}@${wanted.version}`);
  }
}

/** Node and the bundlers each say it in their own words; a package that lacks one of its own is another matter. */
function isMissing(error: unknown, name: string): boolean {
  const [, missing] = /(?:find|resolve)[^"']*["']([^"']+)["']/i.exec(String(error)) ?? [];
  return missing === name;
}

function unusable(reference: string, allowed: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "model", given: reference, allowed }]);
}
