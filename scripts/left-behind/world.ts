import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { LanguageModelLike } from "../../src/index.ts";

/** A server on this machine that takes requests and never ends an answer. Sockets that stay open would show. */
export class SilentServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<SilentServer> {
    const server = createServer((request, response) => {
      if (request.url === "/stream") response.write("a word");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SilentServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  openSockets(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Place where a run hangs, and the counters of what is open there. */
export class World {
  open = 0;
  calls = 0;
  readonly reached: Promise<void>;
  readonly #reach: () => void;
  readonly #server: SilentServer;

  constructor(server: SilentServer) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise;
    this.#reach = resolve;
    this.#server = server;
  }

  /** Notes that the run has come to its stage. */
  reach(): void {
    this.calls++;
    this.#reach();
  }

  /** Waits until the signal aborts; without one, for ever. */
  readonly hang = (signal?: AbortSignal | undefined): Promise<never> => {
    this.reach();
    return new Promise((_, reject) => {
      if (!signal) return;
      if (signal.aborted) return reject(signal.reason);
      this.open++;
      signal.addEventListener("abort", () => {
        this.open--;
        reject(signal.reason);
      });
    });
  };

  /** A model that gives these answers, and then asks a server that never answers. */
  model(modelId: string, answers: readonly string[] = []): LanguageModelLike {
    let asked = 0;
    const ask = async (path: string, signal: AbortSignal) => {
      const response = fetch(this.#server.url + path, { signal });
      response.catch(() => {});
      // The server has the request once a turn of the event loop or two have passed: the socket is open then.
      void this.#untilOpen().then(() => this.reach());
      return response;
    };
    return {
      specificationVersion: "v4",
      provider: "silent",
      modelId,
      supportedUrls: {},
      doGenerate: async ({ abortSignal }: { abortSignal: AbortSignal }) => {
        const text = answers[asked++];
        if (text === undefined) await ask("/hang", abortSignal);
        return {
          content: [{ type: "text", text }],
          finishReason: { unified: "stop", raw: "stop" },
          usage: { inputTokens: { total: 10 }, outputTokens: { total: 1 } },
          warnings: [],
        };
      },
      doStream: async ({ abortSignal }: { abortSignal: AbortSignal }) => {
        const { body } = await ask("/stream", abortSignal);
        const words = new TransformStream<Uint8Array, object>({
          start(controller) {
            controller.enqueue({ type: "stream-start", warnings: [] });
            controller.enqueue({ type: "text-start", id: "1" });
          },
          transform(chunk, controller) {
            controller.enqueue({ type: "text-delta", id: "1", delta: new TextDecoder().decode(chunk) });
          },
        });
        return { stream: (body as ReadableStream<Uint8Array>).pipeThrough(words) };
      },
    } as unknown as LanguageModelLike;
  }

  async #untilOpen(): Promise<void> {
    while ((await this.#server.openSockets()) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
