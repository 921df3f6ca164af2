/**
 * Compares the built package with the promised types of test/contract/types: every export of theirs, and every member of
 * those, is there; what the members mean is compiled in test/contract/programs. And every option says in an editor what it
 * does: its comment has come through the build.
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

for (const [entry, symbol] of entries.flatMap((entry) =>
  exportsOf(join("dist", entry)).map((one) => [entry, one] as const),
)) {
  for (const option of optionsOf(symbol).filter((one) => one.getDocumentationComment(checker).length === 0)) {
    console.error(`dist/${entry}: ${symbol.name}.${option.name} has no comment`);
    process.exitCode = 1;
  }
}

/** The properties of an interface that holds options. */
function optionsOf(symbol: ts.Symbol): readonly ts.Symbol[] {
  const isOptions = /(Options|Config|Settings)$/.test(symbol.name) && !symbol.name.startsWith("Resolved");
  const named = isOptions ? typeNamedBy(symbol) : undefined;
  return named ? checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(named)) : [];
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
  const named = typeNamedBy(symbol);
  return named ? checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(named)).map(({ name }) => name) : [];
}

function typeNamedBy(symbol: ts.Symbol): ts.Symbol | undefined {
  const named = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return named.flags & ts.SymbolFlags.Type ? named : undefined;
}
