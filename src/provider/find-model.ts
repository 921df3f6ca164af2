import type { LanguageModelLike } from "../contract/model.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { hideSecrets, InvalidOptionsError, showValue } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { nearest } from "../core/nearest.ts";
import type { BatchAccess, BatchProvider } from "./batched-model.ts";
import { compatible, importPackage, type ProviderPackage, providerPackages } from "./provider-packages.ts";
import { hideHeaders } from "./transport.ts";

const loadRecorded = lazily(() => import("./recorded.ts"));
const loadSimulated = lazily(() => import("./simulated.ts"));
const loadModelFetch = lazily(() => import("./model-fetch.ts"));
const loadBatchedModel = lazily(() => import("./batched-model.ts"));

/** Address, headers and key of a model that is named by text. */
export interface ModelAccess {
  /** Sent with each call, beside the key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Address of the API, in place of the provider's own. */
  readonly baseUrl?: string | undefined;
  /** Environment variable that holds the key, in place of the provider's own. */
  readonly apiKeyEnv?: string | undefined;
}

/**
 * Finds the model of a name such as `"openai:gpt-5-mini"`. A model object is returned unchanged.
 *
 * @param clock by which a simulation waits, and batches are looked at
 * @param access `batches`: how those of a job are kept
 * @throws InvalidOptionsError for a name that leads nowhere, a value that is not a model, or an access that the model has no use for
 */
export async function findModel(
  reference: string | LanguageModelLike,
  clock: Clock | undefined,
  { batches, ...access }: ModelAccess & { readonly batches?: BatchAccess | undefined } = {},
): Promise<LanguageModelLike> {
  if (typeof reference !== "string") {
    refuseAccess(
      access,
      `is for models named by text; ${checkedModel(reference).modelId} is an object. Set it where you create that object.`,
    );
    return reference;
  }
  const colon = reference.indexOf(":");
  const prefix = reference.slice(0, Math.max(colon, 0));
  const rest = reference.slice(colon + 1);
  if (prefix === "recorded" || prefix === "simulated") {
    refuseAccess(access, `is for models asked over the network; ${prefix}: models are local. Remove it.`);
    if (prefix === "recorded") return (await loadRecorded()).recordedModel(rest);
    return (await loadSimulated()).parseSimulatedModel(rest, clock);
  }
  if (prefix === "batch") return modelInBatches(reference, rest, clock ?? systemClock, access, batches);
  const provider = Object.hasOwn(providerPackages, prefix) ? providerPackages[prefix] : undefined;
  if (provider && rest) return packagedModel(reference, prefix, provider, rest, access);
  if (prefix === "openai-compatible") return compatibleModel(reference, rest, access);
  throw unknownReference(reference, prefix);
}

function refuseAccess(access: ModelAccess, fault: string): void {
  const issues = (["headers", "baseUrl", "apiKeyEnv"] as const)
    .filter((path) => access[path] !== undefined)
    .map((path) => {
      const given = path === "headers" ? "headers" : access[path];
      return { path, given, allowed: "nothing", message: `${path} ${fault}` };
    });
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

function checkedModel(model: LanguageModelLike): LanguageModelLike {
  const { specificationVersion: version, doGenerate } = (model ?? {}) as Partial<LanguageModelLike>;
  if ((version === "v3" || version === "v4") && typeof doGenerate === "function") return model;
  if (isProvider(model)) {
    const message = 'model: this is a provider. Call it with the name of a model: openai("gpt-5-mini").';
    throw new InvalidOptionsError([{ path: "model", given: model, allowed: "a model of this provider", message }]);
  }
  const given = version === undefined ? model : `a model of specification ${version}`;
  const allowed =
    'a model of the AI SDK\'s specification v3 or v4 (its releases 6 and 7), or a text such as "openai:gpt-5-mini"';
  throw new InvalidOptionsError([{ path: "model", given, allowed }]);
}

/** Providers of the AI SDK are functions that make models, or objects that hold one. */
function isProvider(value: unknown): boolean {
  if (typeof value === "function") return true;
  return typeof (value as { languageModel?: unknown } | null)?.languageModel === "function";
}

function unknownReference(reference: string, prefix: string): InvalidOptionsError {
  const known = [...Object.keys(providerPackages), "openai-compatible", "recorded", "simulated", "batch"];
  const allowed = `"provider:model" with one of ${known.join(", ")}`;
  const fault = known.includes(prefix) ? "has no model behind its provider" : "names no provider that is known";
  const message = `model ${showValue(reference)} ${fault}. ${meant(reference, prefix, known)}Known: ${known.join(", ")}.`;
  return new InvalidOptionsError([{ path: "model", given: reference, allowed, message }]);
}

/** Returns the name that was meant, as far as the slip shows it. */
function meant(reference: string, prefix: string, known: readonly string[]): string {
  const name = reference.slice(prefix.length + 1);
  const local = localServers[prefix];
  if (local) return `It is a server of your own: "openai-compatible:${local}#${name}". `;
  const [maker = "", ...rest] = reference.split("/");
  if (rest.length > 0 && known.includes(maker)) return `Did you mean "${maker}:${rest.join("/")}"? `;
  if (!reference.includes(":")) return `Write the provider before the model, as in "openai:${reference}". `;
  const guess = nearest(prefix, known);
  return guess && guess !== prefix ? `Did you mean "${guess}${reference.slice(prefix.length)}"? ` : "";
}

/** Addresses at which servers of one's own listen unless told otherwise. */
const localServers: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  litellm: "http://localhost:4000/v1",
  "llama.cpp": "http://localhost:8080/v1",
  lmstudio: "http://localhost:1234/v1",
  ollama: "http://localhost:11434/v1",
  vllm: "http://localhost:8000/v1",
});

/** Makes a model of an installed provider package, or of its vendor's OpenAI-compatible endpoint. */
async function packagedModel(
  reference: string,
  prefix: string,
  provider: ProviderPackage,
  name: string,
  access: ModelAccess,
): Promise<LanguageModelLike> {
  const { endpoint } = provider;
  const { made, settings } = await makeProvider(reference, provider, access);
  if (made) return made(name);
  if (!endpoint) throw notInstalled(reference, provider);
  return openAICompatible(reference, prefix, name, endpoint.takesSchema, { baseURL: endpoint.baseUrl, ...settings });
}

/** Makes the provider of an installed package; `made` is left out where a vendor's endpoint has to serve. */
async function makeProvider(reference: string, provider: ProviderPackage, access: ModelAccess) {
  const exported = await importPackage(provider);
  if (!exported && !provider.endpoint) throw notInstalled(reference, provider);
  const keyVariable = access.apiKeyEnv ?? provider.keyVariable;
  const settings = await settingsOf(reference, access, keyVariable, keyVariable !== undefined);
  const factory = provider.factories.find((candidate) => exported?.[candidate]);
  const made = factory && exported[factory]({ ...(access.apiKeyEnv ? settings : withoutKey(settings)) });
  return { made: made as (((name: string) => LanguageModelLike) & Partial<BatchProvider>) | undefined, settings };
}

/**
 * Makes a model whose calls go into the batches of its provider.
 *
 * @param name of the model with its provider: `openai:gpt-5-mini`
 */
async function modelInBatches(
  reference: string,
  name: string,
  clock: Clock,
  access: ModelAccess,
  batches: BatchAccess | undefined,
): Promise<LanguageModelLike> {
  const colon = name.indexOf(":");
  const [prefix, modelId] = [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)];
  const provider = Object.hasOwn(providerPackages, prefix) ? providerPackages[prefix] : undefined;
  const choices = '"batch:" before a model of a provider with a batch API, such as "batch:openai:gpt-5-mini"';
  if (!provider || !modelId) throw unusable(reference, choices);
  const { made } = await makeProvider(reference, provider, access);
  const { package: named, version } = provider;
  const advice = `The installed ${named} has no batches. Those of OpenAI, Anthropic, Google and xAI do, from ${named}@${version} on: npm install ${named}@${version}`;
  if (typeof made?.experimental_batch !== "function")
    throw unusable(reference, choices, `model ${showValue(reference)}: ${advice}`);
  return (await loadBatchedModel()).batchedModel(made(modelId), made as BatchProvider, clock, batches);
}

/** A package reads its own variable, and more than one where it knows more. */
function withoutKey({ apiKey: _, ...settings }: ProviderSettings): ProviderSettings {
  return settings;
}

/**
 * Makes a model of any server that speaks OpenAI's chat completions: `<base URL>#<model>`. Sends the key in
 * `OPENAI_COMPATIBLE_API_KEY`, if there is one. The server is trusted to take a JSON schema as its response format.
 */
async function compatibleModel(reference: string, address: string, access: ModelAccess): Promise<LanguageModelLike> {
  const [given = "", name = access.baseUrl === undefined ? "" : given] = address.split("#", 2);
  const baseURL = access.baseUrl ?? given;
  const url = URL.parse(baseURL);
  if (!url || !isPlainAddress(url) || !name)
    throw unusable(
      url ? `openai-compatible:${withoutSecretParts(url)}` : reference,
      '"openai-compatible:<base URL>#<model>" with neither a password nor a query in it, such as "openai-compatible:http://localhost:11434/v1#llama3.2"',
    );
  const keyVariable = access.apiKeyEnv ?? "OPENAI_COMPATIBLE_API_KEY";
  const settings = await settingsOf(reference, access, keyVariable, access.apiKeyEnv !== undefined);
  return openAICompatible(reference, `openai-compatible:${url.host}`, name, true, { ...settings, baseURL });
}

async function openAICompatible(
  reference: string,
  name: string,
  modelId: string,
  supportsStructuredOutputs: boolean,
  settings: ProviderSettings,
): Promise<LanguageModelLike> {
  const exported = await importPackage(compatible);
  if (!exported) throw notInstalled(reference, compatible);
  return exported.createOpenAICompatible({ ...settings, name, includeUsage: true, supportsStructuredOutputs })(modelId);
}

/** Settings that every provider package takes. */
interface ProviderSettings {
  readonly apiKey?: string;
  readonly baseURL?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
}

async function settingsOf(
  reference: string,
  { headers, baseUrl }: ModelAccess,
  keyVariable: string | undefined,
  needsKey: boolean,
): Promise<ProviderSettings> {
  const apiKey = keyVariable === undefined ? undefined : process.env[keyVariable];
  if (!apiKey && needsKey)
    throw unusable(
      reference,
      "a provider whose key is set",
      `model ${showValue(reference)} has no API key. Set the environment variable ${keyVariable}.`,
    );
  const url = baseUrl === undefined ? undefined : URL.parse(baseUrl);
  if (baseUrl !== undefined && (!url || !isPlainAddress(url)))
    throw new InvalidOptionsError([
      {
        path: "baseUrl",
        given: url ? withoutSecretParts(url) : baseUrl,
        allowed: 'an address with neither a password nor a query in it, such as "http://localhost:11434/v1"',
      },
    ]);
  // The key of a server, and whatever stands in its headers, is repeated in the errors of some servers.
  hideSecrets(apiKey ? [apiKey] : []);
  hideHeaders(headers);
  const { createModelFetch } = await loadModelFetch();
  return {
    ...(apiKey && { apiKey }),
    ...(baseUrl !== undefined && { baseURL: baseUrl }),
    ...(headers && { headers }),
    fetch: createModelFetch(),
  };
}

function isPlainAddress({ protocol, username, password, search }: URL): boolean {
  return /^https?:$/.test(protocol) && !username && !password && !search;
}

function withoutSecretParts({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

function notInstalled(reference: string, wanted: { package: string; version: string }): InvalidOptionsError {
  return unusable(
    reference,
    "a model whose provider package is installed",
    `model ${showValue(reference)} needs a package that is not installed. Run: npm install ${wanted.package}@${wanted.version}`,
  );
}

function unusable(reference: string, allowed: string, message?: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "model", given: reference, allowed, message }]);
}
