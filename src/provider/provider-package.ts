import type { LanguageModelLike } from "../contract/model.ts";
import { InvalidOptionsError } from "../core/errors.ts";

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
