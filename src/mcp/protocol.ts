import { InvalidOptionsError } from "../core/errors.ts";

/** The official package of the protocol. */
export type Protocol = typeof import("@modelcontextprotocol/server");

/** @throws InvalidOptionsError where the package, an optional peer, is not installed */
export async function loadProtocol(): Promise<Protocol> {
  try {
    return await import("@modelcontextprotocol/server");
  } catch (error) {
    throw notInstalled(error);
  }
}

/** @throws InvalidOptionsError where the package, an optional peer, is not installed */
export async function loadStdio(): Promise<typeof import("@modelcontextprotocol/server/stdio")> {
  try {
    return await import("@modelcontextprotocol/server/stdio");
  } catch (error) {
    throw notInstalled(error);
  }
}

/** Bundlers let a package be missing only where its import stands in `try`. */
function notInstalled(error: unknown): unknown {
  const message =
    "MCP needs the package @modelcontextprotocol/server. npm install @modelcontextprotocol/server, " +
    "or npx -y -p steer-llm-sdk -p @modelcontextprotocol/server steer mcp …";
  const isMissing = (error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND";
  return isMissing
    ? new InvalidOptionsError([{ path: "mcp", given: "no package", allowed: "the package", message }])
    : error;
}
