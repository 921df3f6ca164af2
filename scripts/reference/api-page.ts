import ts from "typescript";
import manifest from "../../package.json" with { type: "json" };
import { documentationOf, pathOf, sourceFiles } from "../source-program.ts";
import { tableOf } from "./table.ts";

const preface = `# API

Every public name, from the code. [Options](options.md), [events](events.md) and [errors](errors.md) have pages of their own with more detail. A name
that several entry points export stands where it comes first.

The way in: [\`Orchestrator.run\`](#orchestrator) takes [\`RunParams\`](#runparams) and gives an [\`OrchestrationOutput\`](#orchestrationoutput); an
orchestrator takes [\`OrchestratorSettings\`](#orchestratorsettings) or [\`ReliableOrchestratorSettings\`](#reliableorchestratorsettings).`;

/** Entry points in the order in which a reader needs them, by source file. The root exports all of orchestration. */
const order = [
  "src/index.ts",
  "src/evidence.ts",
  "src/reliability.ts",
  "src/planning.ts",
  "src/events.ts",
  "src/queue.ts",
  "src/server.ts",
  "src/testing.ts",
];

/** `docs/reference/api.md`: every exported name with its signature, its members and its examples. */
export function apiPage(program: ts.Program, optionSets: ReadonlySet<string>): string {
  return `${[preface, ...new ApiPage(program, optionSets).sections()].join("\n\n")}\n`;
}

class ApiPage {
  readonly #checker: ts.TypeChecker;
  readonly #entries: readonly (readonly [entry: string, symbols: ts.Symbol[]])[];
  readonly #optionSets: ReadonlySet<string>;

  constructor(program: ts.Program, optionSets: ReadonlySet<string>) {
    this.#checker = program.getTypeChecker();
    this.#optionSets = optionSets;
    const shown = new Set<ts.Symbol>();
    this.#entries = entryFiles(program).map((file) => {
      const own = this.#exportsOf(file).filter((symbol) => !shown.has(symbol));
      for (const symbol of own) shown.add(symbol);
      return [importOf(file), own.sort((a, b) => a.name.localeCompare(b.name, "en"))];
    });
  }

  sections(): string[] {
    return this.#entries.flatMap(([entry, symbols]) => [
      `## ${entry}`,
      ...symbols.map((symbol) => this.#nameSection(symbol)),
    ]);
  }

  #exportsOf(file: ts.SourceFile): ts.Symbol[] {
    const module = this.#checker.getSymbolAtLocation(file);
    const exported = module ? this.#checker.getExportsOfModule(module) : [];
    const isAlias = (symbol: ts.Symbol) => (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return exported.map((symbol) => (isAlias(symbol) ? this.#checker.getAliasedSymbol(symbol) : symbol));
  }

  #nameSection(symbol: ts.Symbol): string {
    const text = documentationOf(symbol, this.#checker);
    if (!text) throw new Error(`${symbol.name} is exported and needs a comment: the API page shows it.`);
    const tags = symbol
      .getJsDocTags(this.#checker)
      .map(({ name, text }) => [name, ts.displayPartsToString(text)] as const);
    const said = (wanted: string) => tags.filter(([name]) => name === wanted).map(([, what]) => what.trim());
    const parts = [
      `### ${symbol.name}`,
      linked(text),
      signatureBlock(symbol),
      ...said("returns").map((what) => `Returns ${what}`),
      ...said("throws").map((what) => `Throws ${what}`),
      this.#optionSets.has(symbol.name) && `Its options: [${symbol.name}](options.md#${symbol.name.toLowerCase()}).`,
      this.#membersTable(symbol),
      ...said("example"),
    ];
    return parts.filter((part) => part !== undefined && part !== false && part !== "").join("\n\n");
  }

  /** Members of a class, an interface or an object type, each with its type and comment. */
  #membersTable(symbol: ts.Symbol): string | undefined {
    if (this.#optionSets.has(symbol.name) || symbol.name === "EventData") return undefined;
    const rows = Map.groupBy(this.#membersOf(symbol), (member) => member.name?.getText() ?? "");
    if (rows.size === 0) return undefined;
    return tableOf(
      ["member", "what it is"],
      [...rows.values()].map((members) => [`\`${collapsed(allOf(members))}\``, this.#commentOf(members)]),
    );
  }

  #commentOf(members: readonly ts.NamedDeclaration[]): string {
    const symbols = members.map(({ name }) => name && this.#checker.getSymbolAtLocation(name));
    const texts = symbols.flatMap((symbol) => {
      const tags = symbol?.getJsDocTags(this.#checker).filter(({ name }) => name === "deprecated") ?? [];
      const deprecated = tags.map(({ text }) => `Deprecated: ${ts.displayPartsToString(text)}`);
      return symbol ? [[documentationOf(symbol, this.#checker), ...deprecated].join(" ").trim()] : [];
    });
    return linked(texts.find((text) => text !== "") ?? "");
  }

  /** Members that a class declares itself; of a type, also what it takes over from types of the package that are not exported. */
  #membersOf(symbol: ts.Symbol): ts.NamedDeclaration[] {
    const classes = symbol.declarations?.filter(ts.isClassDeclaration) ?? [];
    if (classes.length > 0) return classes.flatMap(({ members }) => members.filter(isPublic));
    if ((symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) === 0) return [];
    const properties = this.#checker.getDeclaredTypeOfSymbol(symbol).getProperties();
    const declared = properties.flatMap(({ declarations }) => declarations ?? []);
    return declared.filter(isMember).filter((member) => pathOf(member.getSourceFile()).startsWith("src/"));
  }
}

function isMember(declaration: ts.Declaration): declaration is ts.PropertySignature | ts.MethodSignature {
  return ts.isPropertySignature(declaration) || ts.isMethodSignature(declaration);
}

function entryFiles(program: ts.Program): ts.SourceFile[] {
  const isEntry = (file: ts.SourceFile) => order.includes(pathOf(file)) || pathOf(file).startsWith("src/stores/");
  const placeOf = (file: ts.SourceFile) => {
    const at = order.indexOf(pathOf(file));
    return at < 0 ? order.length : at;
  };
  return sourceFiles(program)
    .filter(isEntry)
    .sort((a, b) => placeOf(a) - placeOf(b) || a.fileName.localeCompare(b.fileName));
}

/** `steer-llm-sdk/evidence` for `src/evidence.ts`. */
function importOf(file: ts.SourceFile): string {
  const entry = pathOf(file)
    .replace(/^src\//, "")
    .replace(/[.]ts$/, "");
  return entry === "index" ? manifest.name : `${manifest.name}/${entry}`;
}

/** Members that a caller sees. */
function isPublic(member: ts.ClassElement): boolean {
  const { Private, Protected, Override } = ts.ModifierFlags;
  const isHidden = (ts.getCombinedModifierFlags(member) & (Private | Protected | Override)) !== 0;
  const isInternal = ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "internal");
  return !isHidden && !isInternal && member.name !== undefined && !ts.isPrivateIdentifier(member.name);
}

/** A member as it is declared; of a union that declares it several times, all its types. */
function allOf(members: readonly ts.NamedDeclaration[]): string {
  const [first] = members;
  const types = members.map((member) => (ts.isPropertySignature(member) ? member.type?.getText() : undefined));
  if (!first || new Set(types).size < 2) return first ? headOf(first) : "";
  return `${first.name?.getText()}: ${[...new Set(types)].join(" | ")}`;
}

/** A member as it is declared, without its body. */
function headOf(member: ts.NamedDeclaration): string {
  const text = member.getText();
  const { body } = member as ts.MethodDeclaration;
  const head = body ? text.slice(0, body.getStart() - member.getStart()) : text;
  return head.replace(/\s*[=;]?\s*$/, "").replace(/^(override |readonly |async )+/, "");
}

/** The declaration of a function, a class, a constant or a type, without bodies. */
function signatureBlock(symbol: ts.Symbol): string | undefined {
  const declarations = symbol.declarations ?? [];
  const functions = declarations.filter(ts.isFunctionDeclaration);
  const overloads = functions.filter(({ body }) => !body);
  const shown = [
    ...(overloads.length > 0 ? overloads : functions).map(headOf),
    ...declarations.filter(ts.isClassDeclaration).map(classHead),
    ...declarations.filter(ts.isTypeAliasDeclaration).map((declaration) => declaration.getText()),
    ...declarations.filter(ts.isVariableDeclaration).map(({ name, type }) => `const ${name.getText()}${typeOf(type)}`),
  ];
  const lines = shown.map((text) =>
    collapsed(text)
      .replace(/^export /, "")
      .replace(/;$/, ""),
  );
  return lines.length > 0 ? `\`\`\`ts\n${lines.join(";\n")};\n\`\`\`` : undefined;
}

function typeOf(type: ts.TypeNode | undefined): string {
  return type ? `: ${type.getText()}` : "";
}

function classHead(declaration: ts.ClassDeclaration): string {
  const made = declaration.members.find(ts.isConstructorDeclaration);
  const parameters = made?.parameters.map((parameter) => parameter.getText()).join(", ") ?? "";
  const heritage = declaration.heritageClauses?.map((clause) => ` ${clause.getText()}`).join("") ?? "";
  const isAbstract = (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract) !== 0;
  const body = isAbstract ? "" : ` { constructor(${parameters}) }`;
  return `${isAbstract ? "abstract " : ""}class ${declaration.name?.text}${heritage}${body}`;
}

/** Text of the source on one line, without its comments. */
function collapsed(text: string): string {
  return text
    .replaceAll(/\/\*\*?.*?\*\//gs, "")
    .replaceAll(/\/\/.*$/gm, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** Names in `{@link …}` as code. */
function linked(text: string): string {
  return text.replaceAll(/\{@link (\S+?)\}/g, "`$1`");
}
