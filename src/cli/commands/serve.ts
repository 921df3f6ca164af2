import { type Command, InvalidArgumentError, Option } from "commander";
import { durationFlag, wholeNumberFlag } from "../flags.ts";
import type { ServeFlags } from "../serve/serve.ts";

const examples = `
A tool is a JSON or YAML file, or a module that exports one or a list of them by default. consensus:<provider:model> is a
tool that asks the model whatever a request says. Keys are read from --keys, or from STEER_KEYS: JSON, a list of
{ "name", "key", "tools" }. Without keys the service answers to programs of this machine alone. SIGTERM lets what goes
on end first. With --queue the service runs nothing itself: it puts runs into the queue in Postgres, and steer worker
takes them, with the same tools, on any number of machines.

Exit codes
  0 ended, and every run with it     2 a tool, a key or the address cannot be used
  130 Ctrl-C, 143 SIGTERM with runs that were cut off at --deadline

Examples
  $ steer serve --demo
  $ steer serve triage.yaml consensus:openai:gpt-5-mini
  $ steer serve tools.ts --host 0.0.0.0 --keys keys.json --url postgres://steer@db.internal/steer
  $ steer serve triage.yaml --queue --url postgres://steer@db.internal/steer
  $ curl localhost:4242/v1/runs -H 'content-type: application/json' \\
      -d '{"toolName": "triage", "request": {"report": "It crashes when I save"}}'`;

export function addServeCommand(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("serve")
    .summary("serve tools over HTTP: runs, their events, and chat completions that are a consensus")
    .description(
      "Serve tools over HTTP: runs, their events, chat completions whose answer is a consensus, and a viewer.",
    )
    .argument("[tools...]", "tool files, modules, and consensus:<provider:model>")
    .option("--host <address>", "address to listen at; another than this machine's own needs keys", "127.0.0.1")
    .option("--port <number>", "port to listen at; 0 takes a free one", portFlag, 4242)
    .option("--keys <file>", "keys of clients, and the tools that each may use")
    .option("--path <file>", "SQLite file of the store", ".steer/runs.sqlite")
    .option("--events <file>", "SQLite file of the event log", ".steer/events.sqlite")
    .addOption(new Option("--url <postgres-url>", "a Postgres for both instead").conflicts(["path", "events"]))
    .addOption(
      new Option("--queue", "let workers run them, over --url or DATABASE_URL").conflicts(["path", "events", "demo"]),
    )
    .option("--origin <origin>", "pages of this origin may use the service; repeatable", originFlag)
    .option("--max-runs <count>", "most runs at once; a further one is answered 429", wholeNumberFlag(1), 1_000)
    .option("--deadline <duration>", "time for what goes on to end, after SIGTERM", durationFlag(), 25_000)
    .option("--demo", "replay recorded answers of a real model to real questions")
    .addHelpText("after", examples)
    .action(async (tools: readonly string[], flags: ServeFlags) => {
      const { serve } = await import("../serve/serve.ts");
      onExitCode(await serve(tools, flags));
    });
}

function portFlag(text: string): number {
  const port = wholeNumberFlag(0)(text);
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("It has to be a port: at most 65535.");
}

function originFlag(text: string, before: readonly string[] = []): string[] {
  if (URL.parse(text)?.origin === text) return [...before, text];
  throw new InvalidArgumentError("It has to be an origin, such as https://app.example.com.");
}
