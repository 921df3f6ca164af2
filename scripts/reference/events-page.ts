import { resolve } from "node:path";
import ts from "typescript";
import { readerCapacity } from "../../src/core/emitter.ts";
import { documentationOf, forEachNode, publicSymbols, sourceFiles } from "../source-program.ts";
import { tableOf } from "./table.ts";

const preface = `# Events

Every event of a run, from the code. They come to \`onEvent\`, to the listeners of an \`eventManager\`, and to a \`for await\` over
\`stream()\`, as in [examples/04-streaming.ts](../../examples/04-streaming.ts).

\`\`\`mermaid
stateDiagram-v2
  state "replicates, many at once" as replicates {
    direction LR
    replicate_started --> replicate_done
    replicate_started --> retry_scheduled: an attempt failed
    retry_scheduled --> replicate_done
  }
  [*] --> run_started
  run_started --> plan_selected: no tool was named
  run_started --> tool_started
  plan_selected --> tool_started
  tool_started --> replicates: bundle tools
  replicates --> bundle_ready
  replicates --> error
  tool_started --> error: failed for good
  tool_started --> run_completed: other tools
  tool_started --> run_failed: rejected
  bundle_ready --> run_completed
  bundle_ready --> error: with a part of the answers
  error --> run_completed: partial
  error --> fallback_started
  error --> run_failed
  fallback_started --> tool_started
  run_completed --> [*]
  run_failed --> [*]
\`\`\`

An abort ends it from anywhere with \`cancelled\`. A deadline comes as \`timeout\`, and the run ends as what it has by then allows.`;

const promises = `## How they come

- **In order, and one end.** The last event is \`run_completed\`, \`run_failed\` or \`cancelled\`, and nothing comes after it. A run that is
  refused at the edge has none: its promise rejects.
- **At once.** A listener is called in the middle of the run and not waited for. One that throws, or whose promise rejects,
  disturbs neither the run nor other listeners. One that blocks the event loop blocks the run: hand long work on.
- **A loop may fall behind.** Events wait for a \`for await\` that is slower than the run. Where ${readerCapacity.toLocaleString("en")} wait already, \`delta\` and
  \`progress\` are dropped for that loop; no other event ever is.
- **After \`redact\`.** Everyone hears an event as \`options.redact\` has left it; where that throws, only what every event carries.
- **Delivered.** A plain tool whose \`delta\` anybody has heard is not tried again.`;

/** `docs/reference/events.md`: what every event carries, and when each type is emitted. */
export function eventsPage(program: ts.Program): string {
  const checker = program.getTypeChecker();
  assertCodesAreTold(program);
  const page = new EventsPage(checker, new Map(publicSymbols(program).map((symbol) => [symbol.name, symbol])));
  return `${[preface, promises, page.carried(), page.types(), page.ofTools()].join("\n\n")}\n`;
}

class EventsPage {
  readonly #checker: ts.TypeChecker;
  readonly #symbols: ReadonlyMap<string, ts.Symbol>;

  constructor(checker: ts.TypeChecker, symbols: ReadonlyMap<string, ts.Symbol>) {
    this.#checker = checker;
    this.#symbols = symbols;
  }

  carried(): string {
    const rows = this.#membersOf("EventBase").map((field) => [
      `\`${field.name}\``,
      `\`${typeText(field)}\``,
      this.#documented(field, "EventBase"),
    ]);
    return `## What every event carries\n\n${tableOf(["field", "type", "what it says"], rows)}`;
  }

  types(): string {
    const rows = this.#membersOf("EventData").map((event) => [
      `\`${event.name}\``,
      this.#documented(event, "EventData"),
      fieldsText(event),
    ]);
    return `## Types\n\n${tableOf(["type", "when", "fields"], rows)}`;
  }

  ofTools(): string {
    const type = this.#checker.getDeclaredTypeOfSymbol(this.#symbol("ToolEventType"));
    const names = (type as ts.UnionType).types.map((name) => `\`${(name as ts.StringLiteralType).value}\``);
    return `## What a tool may report\n\n${names.join(", ")}, with \`context.events.emit(type, fields)\`. Any other is ignored.`;
  }

  #membersOf(name: string): ts.Symbol[] {
    return this.#checker.getDeclaredTypeOfSymbol(this.#symbol(name)).getProperties();
  }

  #symbol(name: string): ts.Symbol {
    const symbol = this.#symbols.get(name);
    if (!symbol) throw new Error(`${name} is not exported: the page of events is made of it.`);
    return symbol;
  }

  #documented(symbol: ts.Symbol, owner: string): string {
    const text = documentationOf(symbol, this.#checker);
    if (!text)
      throw new Error(`${owner}.${symbol.name} needs a comment: events are explained on their reference page.`);
    return text;
  }
}

/** Every code of a warning stands in the comment of `warning`: it is what programs look for. */
function assertCodesAreTold(program: ts.Program): void {
  const told = program.getSourceFile(resolve("src/contract/event.ts"))?.text ?? "";
  for (const file of sourceFiles(program)) {
    forEachNode(file, (node) => {
      if (!ts.isCallExpression(node) || node.arguments[0]?.getText() !== '"warning"') return;
      const code = /\bcode: "(\w+)"/.exec(node.arguments[1]?.getText() ?? "")?.[1];
      if (code && !told.includes(`\`${code}\``))
        throw new Error(`The comment of EventData.warning has to name ${code}.`);
    });
  }
}

function fieldsText(event: ts.Symbol): string {
  const { type } = event.valueDeclaration as ts.PropertySignature;
  if (!type || !ts.isTypeLiteralNode(type)) throw new Error(`${event.name}: its fields have to stand in EventData.`);
  return type.members.map((member) => `\`${withoutContent(member.getText().replace(/;$/, ""))}\``).join("<br>");
}

function typeText({ valueDeclaration }: ts.Symbol): string {
  return (valueDeclaration as ts.PropertySignature).type?.getText() ?? "unknown";
}

/** The type without its parameter, which says what kind of content the run has. */
function withoutContent(text: string): string {
  return text.replaceAll(/<EvidenceOf<C>>|<C>/g, "");
}
