import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folder of the reports of the public surface, which `scripts/api-report.ts` writes. */
const reports = "api";

/**
 * Returns the names of all that a program can call, from the reports of the public surface: functions, constructors
 * (`new Orchestrator`) and methods (`Orchestrator.run`, `CancelledError.isInstance`).
 */
export function publicEntries(): readonly string[] {
  const names = readdirSync(reports)
    .filter((file) => file.endsWith(".api.md"))
    .flatMap((file) => entriesIn(readFileSync(join(reports, file), "utf8")));
  return [...new Set(names)].sort();
}

/** Returns the entries that one report shows. */
export function entriesIn(report: string): string[] {
  const entries: string[] = [];
  let owner: string | undefined;
  for (const line of report.split("\n")) {
    const declared = /^export (?:declare )?(?:abstract )?(function|class|const) (\w+)/.exec(line);
    if (declared) {
      const [, kind, name = ""] = declared;
      owner = kind === "class" ? name : undefined;
      if (kind === "function") entries.push(name);
      if (line.includes(`: ${name}Constructor;`)) entries.push(`new ${name}`);
    } else if (line === "}") owner = undefined;
    else if (owner !== undefined) {
      const [, method] = /^ {4}(?:static |abstract |override |async )*(\w+)\??(?:<.*>)?\(/.exec(line) ?? [];
      if (method !== undefined) entries.push(method === "constructor" ? `new ${owner}` : `${owner}.${method}`);
    }
  }
  return entries;
}
