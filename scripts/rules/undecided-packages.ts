import { readFileSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };

/** Packages that no page of docs/decisions answers for. */
export function findUndecidedPackages(): string[] {
  const index = readFileSync("docs/decisions/README.md", "utf8");
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !index.includes(`\`${name}\``))
    .map((name) => `package.json: docs/decisions/README.md names no page that says why ${name} is here`);
}
