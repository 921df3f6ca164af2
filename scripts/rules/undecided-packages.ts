import { readFileSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };

const index = "docs/decisions/README.md";

/** Packages that no decision answers for. */
export function findUndecidedPackages(): string[] {
  const text = readFileSync(index, "utf8");
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !text.includes(`\`${name}\``))
    .map((name) => `package.json: ${index} names no page that says why ${name} is here`);
}
