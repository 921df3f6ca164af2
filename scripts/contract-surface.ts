/**
 * Compares the built package with the promised types of test/contract/types: every export of theirs, and every member of
 * those, is there. What the members mean is compiled in test/contract/programs.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const promisedFolder = "test/contract/types";
const entries = readdirSync(promisedFolder);
const program = ts.createProgram(
  entries.flatMap((entry) => [join(promisedFolder, entry), join("dist", entry)]),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2024, strict: true, skipLibCheck: true },
);
const checker = program.getTypeChecker();

for (const entry of entries) {
  const built = new Map(exportsOf(join("dist", entry)).map((symbol) => [symbol.name, symbol]));
  for (const promised of exportsOf(join(promisedFolder, entry)).filter(isExported)) {
    const missing = missingOf(promised, built.get(promised.name));
    if (missing.length === 0) continue;
    console.error(`dist/${entry} lacks ${missing.join(", ")} of ${promisedFolder}/${entry}`);
    process.exitCode = 1;
  }
}

function exportsOf(path: string): ts.Symbol[] {
  const file = program.getSourceFile(path);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${path} is missing or exports nothing: run npm run build.`);
  return checker.getExportsOfModule(module);
}

/** A declaration file exports also what does not say so; that is not promised. */
function isExported({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some((declaration) => (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0);
}

function missingOf(promised: ts.Symbol, built: ts.Symbol | undefined): string[] {
  if (!built) return [promised.name];
  const present = new Set(memberNames(built));
  return memberNames(promised).flatMap((name) => (present.has(name) ? [] : [`${promised.name}.${name}`]));
}

/** The members of a class, interface or object type; for a union, those that all its parts have. */
function memberNames(symbol: ts.Symbol): string[] {
  const named = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (!(named.flags & ts.SymbolFlags.Type)) return [];
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(named)).map(({ name }) => name);
}
