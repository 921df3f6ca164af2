/**
 * Releases the package: version and changelog from `.changeset/`, verification, the list of its parts (an SBOM, in
 * `dist/sbom.cdx.json`), then `npm publish` with provenance.
 *
 * `npm run release -- --dry-run` packs and shows what would be published, and changes nothing that is committed.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { environment } from "./environment.ts";

const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });
const pending = readdirSync(".changeset").filter((file) => file.endsWith(".md") && file !== "README.md");

if (values["dry-run"]) {
  console.log(`${pending.length} changes wait in .changeset/: ${pending.join(", ") || "none"}`);
  run("npm", ["run", "build"]);
  run("npm", ["publish", "--dry-run", "--ignore-scripts"]);
} else {
  requireHostedWorkflow();
  requireCleanTree();
  if (pending.length > 0) run("changeset", ["version"]);
  run("npm", ["run", "verify"]);
  run("npm", ["run", "build"]);
  run("npm", ["run", "supply-chain"]);
  writeFileSync("dist/sbom.cdx.json", execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev"]));
  run("npm", ["publish", "--provenance", "--access", "public"]);
}

/** npm signs provenance for a hosted workflow that may ask for an identity token, and for nothing else. */
function requireHostedWorkflow(): void {
  const hosted = process.env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? process.env["SIGSTORE_ID_TOKEN"];
  if (hosted === undefined)
    throw new Error(
      "No identity token for provenance. Run this in a hosted workflow with id-token: write, or pass --dry-run.",
    );
}

function requireCleanTree(): void {
  const changed = execFileSync("git", ["status", "--porcelain"], { encoding: "utf8" });
  if (changed !== "") throw new Error(`Uncommitted changes would be published. Commit or remove them:\n${changed}`);
}

function run(program: string, parameters: readonly string[]): void {
  execFileSync(program, parameters, { stdio: "inherit", env: environment });
}
