/**
 * Compares the public surface of each entry point with its report in `api/`, so that a change of it shows in review.
 * `npm run api-report` writes the reports; `--check` fails where one differs. Needs a build.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Extractor, ExtractorConfig, type ExtractorMessage } from "@microsoft/api-extractor";
import manifest from "../package.json" with { type: "json" };

const isCheck = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "steer-api-"));
const entries = Object.values(manifest.exports).filter((path) => path.endsWith(".js"));
mkdirSync("api", { recursive: true });

try {
  const changed = entries.map(nameOf).filter((name) => reportOf(name).apiReportChanged);
  if (isCheck && changed.length > 0) {
    console.error(
      `The public surface of ${changed.join(", ")} is not as api/ says. Run npm run api-report and review the change.`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true });
}

/** `./dist/stores/sqlite.js` is `stores/sqlite`. */
function nameOf(path: string): string {
  return path.replace("./dist/", "").replace(/[.]js$/, "");
}

function reportOf(name: string) {
  const fileName = `${name.replaceAll("/", "-")}.api.md`;
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: resolve("."),
      mainEntryPointFilePath: resolve("dist", `${name}.d.ts`),
      compiler: { tsconfigFilePath: resolve("tsconfig.json"), skipLibCheck: true },
      apiReport: { enabled: true, reportFileName: fileName, reportFolder: resolve("api"), reportTempFolder: scratch },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: "lf",
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve("package.json"),
  });
  return Extractor.invoke(config, { localBuild: !isCheck, messageCallback: onlyErrors });
}

/** Style of comments is TypeDoc's affair; here only what keeps a report from being made. */
function onlyErrors(message: ExtractorMessage): void {
  if (message.logLevel !== "error") message.handled = true;
}
