import { readdirSync, readFileSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };

const folder = "docs/decisions";

/** Packages that no decision answers for, and decisions that the index does not list. */
export function findUndecided(): string[] {
  const index = readFileSync(`${folder}/README.md`, "utf8");
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  const pages = readdirSync(folder).filter((page) => page !== "README.md");
  return [
    ...packages
      .filter((name) => !index.includes(`\`${name}\``))
      .map((name) => `package.json: ${folder}/README.md names no page that says why ${name} is here`),
    ...pages
      .filter((page) => !index.includes(`(${page})`))
      .map((page) => `${folder}/${page}: ${folder}/README.md does not list it`),
  ];
}
