/** A provider whose models are named `provider:model`. */
export interface ProviderPackage {
  readonly package: string;
  /** Version that an install command names. */
  readonly version: string;
  /** Exports of the package that make a provider: the first that is there. */
  readonly factories: readonly string[];
  /** Environment variable of the key. Left out where the package finds its credentials elsewhere. */
  readonly keyVariable?: string;
  /** The vendor's OpenAI-compatible endpoint, which serves where the package is not installed. */
  readonly endpoint?: { readonly baseUrl: string; readonly takesSchema: boolean };
}

/** Providers by the prefix of their models' names. */
export const providerPackages: Readonly<Record<string, ProviderPackage>> = {
  openai: {
    package: "@ai-sdk/openai",
    version: "4.0.118",
    factories: ["createOpenAI"],
    keyVariable: "OPENAI_API_KEY",
  },
  anthropic: {
    package: "@ai-sdk/anthropic",
    version: "4.0.105",
    factories: ["createAnthropic"],
    keyVariable: "ANTHROPIC_API_KEY",
  },
  google: {
    package: "@ai-sdk/google",
    version: "4.0.121",
    factories: ["createGoogleGenerativeAI", "createGoogle"],
    keyVariable: "GOOGLE_GENERATIVE_AI_API_KEY",
  },
  mistral: {
    package: "@ai-sdk/mistral",
    version: "4.0.87",
    factories: ["createMistral"],
    keyVariable: "MISTRAL_API_KEY",
  },
  xai: { package: "@ai-sdk/xai", version: "5.0.12", factories: ["createXai"], keyVariable: "XAI_API_KEY" },
  azure: { package: "@ai-sdk/azure", version: "4.0.85", factories: ["createAzure"], keyVariable: "AZURE_API_KEY" },
  bedrock: { package: "@ai-sdk/amazon-bedrock", version: "5.0.101", factories: ["createAmazonBedrock"] },
  vertex: {
    package: "@ai-sdk/google-vertex",
    version: "5.0.141",
    factories: ["createVertex", "createGoogleVertex"],
  },
  // https://openrouter.ai/docs/quickstart
  openrouter: {
    package: "@openrouter/ai-sdk-provider",
    version: "3.1.0",
    factories: ["createOpenRouter"],
    keyVariable: "OPENROUTER_API_KEY",
    endpoint: { baseUrl: "https://openrouter.ai/api/v1", takesSchema: true },
  },
  // https://console.groq.com/docs/openai
  groq: {
    package: "@ai-sdk/groq",
    version: "4.0.84",
    factories: ["createGroq"],
    keyVariable: "GROQ_API_KEY",
    endpoint: { baseUrl: "https://api.groq.com/openai/v1", takesSchema: true },
  },
  // https://api-docs.deepseek.com: JSON mode is there, schemas are not.
  deepseek: {
    package: "@ai-sdk/deepseek",
    version: "3.0.56",
    factories: ["createDeepSeek"],
    keyVariable: "DEEPSEEK_API_KEY",
    endpoint: { baseUrl: "https://api.deepseek.com", takesSchema: false },
  },
  // https://docs.together.ai/docs/openai-api-compatibility
  together: {
    package: "@ai-sdk/togetherai",
    version: "3.0.54",
    factories: ["createTogetherAI"],
    keyVariable: "TOGETHER_AI_API_KEY",
    endpoint: { baseUrl: "https://api.together.xyz/v1", takesSchema: true },
  },
};

/** The package behind `openai-compatible:`. */
export const compatible = { package: "@ai-sdk/openai-compatible", version: "3.0.92" };

/**
 * Imports a provider package. Bundlers follow an import only by a name that is written out, and let a missing package pass
 * only inside `try`.
 *
 * @returns `undefined` where the package is not installed
 */
export async function importPackage(wanted: { package: string }): Promise<any> {
  try {
    switch (wanted.package) {
      case "@ai-sdk/openai":
        return await import("@ai-sdk/openai");
      case "@ai-sdk/openai-compatible":
        return await import("@ai-sdk/openai-compatible");
      case "@ai-sdk/anthropic":
        return await import("@ai-sdk/anthropic");
      case "@ai-sdk/google":
        return await import("@ai-sdk/google");
      case "@ai-sdk/mistral":
        return await import("@ai-sdk/mistral");
      case "@ai-sdk/xai":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/xai");
      case "@ai-sdk/azure":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/azure");
      case "@ai-sdk/amazon-bedrock":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/amazon-bedrock");
      case "@ai-sdk/google-vertex":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/google-vertex");
      case "@openrouter/ai-sdk-provider":
        // @ts-expect-error: not installed here
        return await import("@openrouter/ai-sdk-provider");
      case "@ai-sdk/groq":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/groq");
      case "@ai-sdk/deepseek":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/deepseek");
      case "@ai-sdk/togetherai":
        // @ts-expect-error: not installed here
        return await import("@ai-sdk/togetherai");
      default:
        return undefined;
    }
  } catch (error) {
    if (!isMissing(error, wanted.package)) throw error;
    return undefined;
  }
}

/** Node and the bundlers each say it in their own words; a package that lacks one of its own is another matter. */
function isMissing(error: unknown, name: string): boolean {
  const [, missing] = /(?:find|resolve)[^"']*["']([^"']+)["']/i.exec(String(error)) ?? [];
  return missing === name;
}
