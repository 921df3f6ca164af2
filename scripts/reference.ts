/**
 * Writes the reference pages that come from the code: `npm run reference`. With `--check` it writes nothing, and fails
 * where a page is not what the code says.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { declaredOptions } from "../src/core/options.ts";
import { errorsPage } from "./reference/errors-page.ts";
import { eventsPage } from "./reference/events-page.ts";
import { readOptionDocs } from "./reference/option-docs.ts";
import { optionsPage } from "./reference/options-page.ts";
import { serversPage } from "./reference/servers-page.ts";
import { readSourceProgram, sourceFiles } from "./source-program.ts";

const program = readSourceProgram();
for (const { fileName, text } of sourceFiles(program)) {
  if (text.includes("= declareOptions(")) await import(pathToFileURL(fileName).href);
}

const pages = {
  "docs/reference/options.md": optionsPage(declaredOptions(), readOptionDocs(program, declaredOptions())),
  "docs/reference/errors.md": errorsPage(program),
  "docs/reference/events.md": eventsPage(program),
  "docs/guide/servers.md": serversPage(),
};

const isCheck = process.argv.includes("--check");
for (const [path, page] of Object.entries(pages)) {
  if (existsSync(path) && readFileSync(path, "utf8") === page) continue;
  if (isCheck) {
    console.error(`${path} is not what the code says: run npm run reference.`);
    process.exitCode = 1;
  } else writeFileSync(path, page);
}
