import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createModelFetch } from "../../src/provider/model-fetch.ts";

async function start(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const post = (body = '{"a":"ä"}') => ({
  method: "POST",
  headers: { "content-type": "application/json", authorization: "Bearer secret" },
  body,
});

describe("the fetch of models that are named by text", () => {
  test("sends method, headers and body, and gives status, headers and body back", async () => {
    await using host = await start(async (request, response) => {
      const told = JSON.stringify([request.method, request.headers.authorization, await readAll(request)]);
      response.writeHead(418, { "x-request-id": "r1" }).end(told);
    });
    const response = await createModelFetch({})(host.url, post());
    expect(response.status).toBe(418);
    expect(response.ok).toBe(false);
    expect(response.headers.get("x-request-id")).toBe("r1");
    expect(await response.json()).toEqual(["POST", "Bearer secret", '{"a":"ä"}']);
  });

  test("keeps its connection open for the next call", async () => {
    const ports = new Set<number | undefined>();
    await using host = await start((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume();
      response.end("ok");
    });
    const fetch = createModelFetch({});
    for (let call = 0; call < 3; call++) await (await fetch(host.url, post())).text();
    expect(ports.size).toBe(1);
  });

  test("asks again over a new connection where the kept one was closed under it", async () => {
    let calls = 0;
    await using host = await start((request, response) => {
      calls++;
      // The second request meets a connection that is closed before it is read.
      if (calls === 2) return void request.socket.destroy();
      request.resume();
      response.end("ok");
    });
    const fetch = createModelFetch({});
    await (await fetch(host.url, post())).text();
    expect(await (await fetch(host.url, post())).text()).toBe("ok");
  });

  test("rejects with the reason of an abort and closes the socket, before the answer and in the middle of it", async () => {
    for (const isBegun of [false, true]) {
      let closed = () => {};
      const isClosed = new Promise<void>((resolve) => (closed = resolve));
      let arrived = () => {};
      const isThere = new Promise<void>((resolve) => (arrived = resolve));
      await using host = await start((request, response) => {
        request.resume();
        response.on("close", closed);
        if (isBegun) response.write("one");
        arrived();
      });
      const abort = new AbortController();
      const reading = createModelFetch({})(host.url, { ...post(), signal: abort.signal }).then((got) => got.text());
      await isThere;
      abort.abort(new Error("enough"));
      await expect(reading).rejects.toThrow("enough");
      await isClosed;
    }
  });

  test("fails with Node's code where nothing listens, and where the connection breaks in the middle", async () => {
    await using host = await start((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setImmediate(() => response.destroy());
    });
    const fetch = createModelFetch({});
    await expect(fetch(host.url, post()).then((response) => response.text())).rejects.toMatchObject({
      code: "ECONNRESET",
    });
    const gone = await start(() => {});
    await gone[Symbol.asyncDispose]();
    await expect(fetch(gone.url, post())).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("reads what a server has compressed unasked", async () => {
    await using host = await start((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("plain"));
    });
    const response = await createModelFetch({})(host.url, post());
    expect(await response.text()).toBe("plain");
    expect(response.headers.has("content-encoding")).toBe(false);
  });

  test("follows a redirect on the same host with its body and key, and none to another", async () => {
    const seen: string[] = [];
    await using host = await start(async (request, response) => {
      seen.push(`${request.url} ${request.headers.authorization} ${await readAll(request)}`);
      const target = request.url === "/v1" ? "/v2" : "http://localhost.example/";
      if (request.url === "/v2") return void response.end("moved");
      response.writeHead(308, { location: target }).end();
    });
    const fetch = createModelFetch({});
    expect(await (await fetch(host.url, post("{}"))).text()).toBe("moved");
    expect(seen).toEqual(["/v1 Bearer secret {}", "/v2 Bearer secret {}"]);
    const elsewhere = await fetch(host.url.replace("/v1", "/other"), post("{}"));
    expect(elsewhere.status).toBe(308);
  });

  test("says where a redirect leads that it does not follow, without what may be a secret", async () => {
    await using host = await start((request, response) => {
      request.resume();
      response.writeHead(302, { location: "https://login.example/sign-in?token=t0ps3cret" }).end();
    });
    const { status, statusText } = await createModelFetch({})(host.url, post("{}"));
    expect(status).toBe(302);
    expect(statusText).toContain("redirects to https://login.example/sign-in. Check the base URL");
    expect(statusText).not.toContain("t0ps3cret");
  });

  test("goes through the proxy of HTTPS_PROXY and HTTP_PROXY, and around it for NO_PROXY", async () => {
    const proxied: (string | undefined)[] = [];
    await using host = await start((request, response) => {
      request.resume();
      response.end("ok");
    });
    await using proxy = await start((request, response) => {
      proxied.push(request.url);
      request.resume();
      response.end("by proxy");
    });
    // Over TLS the proxy is asked for a tunnel first.
    proxy.server.on("connect", (request, socket) => {
      proxied.push(request.url);
      const { port } = host.server.address() as AddressInfo;
      const line = connect(port, "127.0.0.1", () => socket.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
      line.pipe(socket).pipe(line);
      line.on("error", () => socket.destroy());
      socket.on("error", () => line.destroy());
    });
    const address = proxy.url.replace("/v1", "");
    const fetch = createModelFetch({ HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: "127.0.0.1" });
    expect(await (await fetch(host.url, post())).text()).toBe("ok");
    expect(proxied).toEqual([]);
    expect(await (await fetch("http://models.example/v1", post())).text()).toBe("by proxy");
    // The host behind the tunnel speaks no TLS: what counts is that the tunnel was asked for.
    await expect(fetch("https://models.example/v1", post())).rejects.toThrow();
    expect(proxied).toEqual(["http://models.example/v1", "models.example:443"]);
  });
});
