import type { lookup } from "node:dns";
import { createServer, type RequestListener, request } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { fetchSchema, isPublicAddress, publicLookup } from "../../src/schema/fetch-schema.ts";
import { allowSchemaHost, FetchedSchemas, registerSchema } from "../../src/schema/schema-registry.ts";
import { resolveSchemaUri } from "../../src/schema/schema-uri.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

describe("resolveSchemaUri", () => {
  test("finds a schema that was registered, and the newest where there were two", async () => {
    registerSchema("urn:triage", { type: "string" });
    registerSchema("urn:triage", { type: "number" });
    expect(await resolveSchemaUri("urn:triage")).toEqual({ type: "number" });
  });

  test("takes a registered schema before its host is asked", async () => {
    allowSchemaHost("schemas.example.com");
    registerSchema("https://schemas.example.com/a.json", { type: "object" });
    expect(await resolveSchemaUri("https://schemas.example.com/a.json")).toEqual({ type: "object" });
  });

  test.each([
    ["an unknown name", "urn:triag", "client.registerSchema(uri, schema)"],
    ["a host that was not allowed", "https://elsewhere.example.com/a.json", "allowSchemaHost(host)"],
    ["http", "http://schemas.example.com/b.json", "https URL"],
    ["another port", "https://schemas.example.com:8443/b.json", "allowSchemaHost(host)"],
    ["a host that ends like an allowed one", "https://evil-schemas.example.com/b.json", "allowSchemaHost(host)"],
    ["a user before the host", "https://schemas.example.com@elsewhere.example.com/b.json", "allowSchemaHost(host)"],
    ["a file", "file:///etc/passwd", "https URL"],
  ])("refuses %s", async (_, uri, advice) => {
    registerSchema("urn:triage", {});
    allowSchemaHost("schemas.example.com");
    const failure = resolveSchemaUri(uri);
    await expect(failure).rejects.toThrow(advice);
    await expect(failure).rejects.toBeInstanceOf(InvalidOptionsError);
  });

  test.each(["127.0.0.1", "[::1]", "2130706433"])("asks no address, even an allowed one: %s", async (host) => {
    allowSchemaHost(new URL(`https://${host}`).host);
    await expect(resolveSchemaUri(`https://${host}/a.json`)).rejects.toThrow("an address, not a name");
  });

  test("connects to no name that leads to this machine", async () => {
    allowSchemaHost("localhost");
    await expect(resolveSchemaUri("https://localhost/a.json")).rejects.toThrow(
      /localhost has the address .+, which is not public/,
    );
  });

  test("names no URI of another caller in an error", async () => {
    registerSchema("https://tenant.example.com/a.json?token=t0p", {});
    const failure = resolveSchemaUri("https://tenant.example.com/a.json?token=t1");
    await expect(failure).rejects.toThrow("?token=t1");
    await expect(failure).rejects.not.toThrow("t0p");
  });
});

describe("FetchedSchemas", () => {
  function fetchedBy(clock = createFakeClock()) {
    const asked: string[] = [];
    const schemas = new FetchedSchemas(async ({ href }) => {
      asked.push(href);
      if (href.endsWith("broken")) throw new Error("no answer");
      return { $id: href };
    }, clock);
    return { asked, clock, get: (path: string) => schemas.get(new URL(path, "https://schemas.example.com")) };
  }

  test("fetches a schema once an hour", async () => {
    const { asked, clock, get } = fetchedBy();
    expect(await get("/a")).toBe(await get("/a"));
    await clock.advance(3_599_999);
    await get("/a");
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    await get("/a");
    expect(asked).toHaveLength(2);
  });

  test("keeps the hundred that were fetched last", async () => {
    const { asked, get } = fetchedBy();
    for (let index = 0; index <= 100; index++) await get(`/${index}`);
    await get("/1");
    expect(asked).toHaveLength(101);
    await get("/0");
    expect(asked).toHaveLength(102);
  });

  test("asks again after a fetch that failed", async () => {
    const { asked, get } = fetchedBy();
    await expect(get("/broken")).rejects.toThrow("no answer");
    await expect(get("/broken")).rejects.toThrow("no answer");
    expect(asked).toHaveLength(2);
  });
});

describe("fetchSchema", () => {
  const toThisMachine: LookupFunction = (_, options, callback) =>
    options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);

  async function fetchFrom(listener: RequestListener, clock = createFakeClock()) {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const url = new URL(`http://schemas.example.com:${port}/a.json`);
      return await fetchSchema(url, { request: request as never, lookup: toThisMachine, clock });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      expect(clock.pending).toBe(0);
    }
  }

  test("reads a schema", async () => {
    expect(await fetchFrom((_, response) => response.end('{"type":"string"}'))).toEqual({ type: "string" });
  });

  test.each<[string, RequestListener, string]>([
    ["a redirect", (_, response) => response.writeHead(302, { location: "/b.json" }).end(), "status 302"],
    ["an error", (_, response) => response.writeHead(404).end("{}"), "status 404"],
    ["what is no JSON", (_, response) => response.end("<html>"), "not valid JSON"],
    ["JSON that is no schema", (_, response) => response.end("[1]"), "not an object"],
    ["more than 1 MiB", (_, response) => response.end(`"${"x".repeat(2 ** 20)}"`), "larger than 1048576 bytes"],
    ["a connection that breaks", (_, response) => response.destroy(), "socket hang up"],
  ])("refuses %s", async (_, listener, reason) => {
    await expect(fetchFrom(listener)).rejects.toThrow(reason);
  });

  test.each<[string, (heard: () => void) => RequestListener]>([
    ["before its answer", (heard) => () => heard()],
    [
      "in the middle of it",
      (heard) => (_, response) => {
        response.write('{"type":');
        heard();
      },
    ],
  ])("gives up after 5 s on a server that falls silent %s", async (_, listen) => {
    const clock = createFakeClock();
    let heard = () => {};
    const asked = new Promise<void>((resolve) => (heard = resolve));
    const failure = fetchFrom(listen(heard), clock);
    failure.catch(() => {});
    await asked;
    await clock.advance(4999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    await expect(failure).rejects.toThrow("within 5000 ms");
  });
});

describe("publicLookup", () => {
  const answering = (...addresses: string[]) =>
    ((_: string, __: object, callback: (error: null, found: object[]) => void) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      )) as never as typeof lookup;
  const resolve = (...addresses: string[]) =>
    new Promise((done, fail) =>
      publicLookup(answering(...addresses))("example.com", {}, (error, address) =>
        error ? fail(error) : done(address),
      ),
    );

  test("gives the first public address", async () => {
    expect(await resolve("8.8.8.8", "2001:4860:4860::8888")).toBe("8.8.8.8");
  });

  test("refuses a name as soon as one of its addresses is private", async () => {
    await expect(resolve("8.8.8.8", "10.0.0.1")).rejects.toThrow("10.0.0.1, which is not public");
  });
});

describe("isPublicAddress", () => {
  test.each(["8.8.8.8", "172.15.255.255", "172.32.0.1", "192.167.1.1", "2606:4700::1111", "2a00:1450::1"])(
    "takes %s",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "2002:7f00:1::",
    "2001:db8::1",
  ])("refuses %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
