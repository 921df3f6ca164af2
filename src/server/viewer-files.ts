import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import type { Hono } from "hono";
import { packageRoot } from "../core/package-root.ts";
import type { ServiceEnv } from "./service.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".woff2": "font/woff2",
};

/** The viewer's page asks this service alone, and runs its own files alone. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the files of the viewer, where the package has them. They are read once: no path of a request leads to the disk. */
export function addViewerRoutes(app: Hono<ServiceEnv>): void {
  for (const [path, file] of viewerFiles()) {
    const headers = {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "content-security-policy": policy,
      // The names of the files stay from one version to the next.
      "cache-control": "no-cache",
    };
    const bytes = readFileSync(file);
    app.get(path === "/index.html" ? "/" : path, (c) => c.body(bytes, 200, headers));
  }
}

/** Files by their paths in the service. */
function viewerFiles(): [path: string, file: string][] {
  const folder = join(packageRoot(), "dist", "viewer");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [`/${relative(folder, file).split(sep).join("/")}`, file];
    });
}
