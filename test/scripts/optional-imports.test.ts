import ts from "typescript";
import { expect, test } from "vitest";
import { findUnguardedImports } from "../../scripts/rules/optional-imports.ts";

test.each([
  'const load = () => import("pg");',
  'const load = () => import("pg").catch(() => undefined);',
  'import pg from "pg"; console.log(pg);',
  'export * from "pg";',
  'try { throw 1 } catch { await import("gpt-tokenizer/encoding/o200k_base"); }',
  'try { [1].map(async () => await import("pg")); } catch {}',
])("refuses %s", (code) => {
  expect(findUnguardedImports(programOf(code))).toEqual([expect.stringContaining("src/made.ts:1")]);
});

test.each([
  'async function load() { try { return await import("pg"); } catch { return undefined; } }',
  'import type { Pool } from "pg"; export const pools: Pool[] = [];',
  'const load = () => import("pg-pool");',
  'const load = () => import("ajv");',
])("takes %s", (code) => {
  expect(findUnguardedImports(programOf(code))).toEqual([]);
});

/** A program of one file of src/. */
function programOf(code: string): ts.Program {
  const options: ts.CompilerOptions = { noResolve: true, noLib: true, target: ts.ScriptTarget.ESNext };
  const host = ts.createCompilerHost(options);
  host.getSourceFile = (name, version) => ts.createSourceFile(name, code, version, true);
  return ts.createProgram(["src/made.ts"], options, host);
}
