import { type ServerCall, startOpenAIServer } from "./openai-server.ts";

/** A request for one answer: by which process, under which key, with which seed. */
export interface CountedCall {
  readonly caller: string;
  readonly key: string;
  readonly seed: number;
  /** Time at which the process made it, where that says so. */
  readonly startedMs?: number | undefined;
}

/** A provider outside of the processes that call it, which remembers every call. */
export interface CountingProvider extends AsyncDisposable {
  readonly baseURL: string;
  readonly calls: readonly CountedCall[];
}

/** The header in which a process says who it is. */
export const callerHeader = "x-caller";
/** The header in which a process says when it has made the call, by the clock that all of a machine share. */
export const startedHeader = "x-started";

/** What an answer costs. */
export const usagePerAnswer = { inputTokens: 10, outputTokens: 5 };

/** @param ready resolves when an answer may be given; at once, where it is left out */
export async function startCountingProvider(
  ready: (call: CountedCall) => Promise<void> = async () => {},
): Promise<CountingProvider> {
  const calls: CountedCall[] = [];
  const server = await startOpenAIServer(async (request) => {
    const call = counted(request);
    calls.push(call);
    await ready(call);
    return { text: JSON.stringify({ key: call.key, seed: call.seed }, null, 1) };
  });
  return { baseURL: server.baseURL, calls, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function counted({ body, headers }: ServerCall): CountedCall {
  const startedMs = headers[startedHeader] === undefined ? undefined : Number(headers[startedHeader]);
  return { caller: String(headers[callerHeader]), key: body.messages.at(-1).content, seed: body.seed, startedMs };
}
