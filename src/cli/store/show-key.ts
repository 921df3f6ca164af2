import type { RunDetails } from "../../store/store.ts";
import { CommandError } from "../command-error.ts";
import { toColumns } from "../progress/columns.ts";
import { cut, showDuration, showOnLine, showUsd } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { type StoreFlags, withStore } from "./open-managed-store.ts";
import { printJson } from "./print-json.ts";
import { showState } from "./show-state.ts";

const mostReplicates = 50;

/**
 * Prints all that a store keeps of a key.
 *
 * @throws CommandError where it keeps nothing
 */
export async function showKey(key: string, flags: StoreFlags): Promise<void> {
  const details = await withStore(flags, (store) => store.show(key));
  if (!details)
    throw new CommandError(`There is no key ${JSON.stringify(key)} here. steer store list names those there are.`);
  if (flags.json) return printJson(details);
  const terminal = createTerminal(process.stdout);
  terminal.write(`${describe(details, terminal).join("\n")}\n`);
}

function describe(details: RunDetails, { colors, columns }: Terminal): string[] {
  const { key, state, owner, fence, leaseEndsInMs, expiresInMs, fingerprint, plan } = details;
  const facts: readonly (readonly [string, string])[] = [
    ["state", showState(state, colors)],
    ...(leaseEndsInMs > 0 ? [["lease", `${showDuration(leaseEndsInMs)} left`] as const] : []),
    ["expires in", expiresInMs > 0 ? showDuration(expiresInMs) : "swept soon"],
    ["owner", `${showOnLine(owner)}, fencing token ${fence}`],
    ["fingerprint", fingerprint],
    ...(plan === undefined ? [] : [["plan", cut(showOnLine(plan), columns - 15)] as const]),
    ...outputFacts(details, columns),
  ];
  const rows = facts.map(([name, value]) => [`  ${colors.dim(name)}`, value]);
  return [colors.bold(cut(showOnLine(key), columns)), ...toColumns(rows), ...journal(details, columns, colors)];
}

function outputFacts({ output }: RunDetails, columns: number): (readonly [string, string])[] {
  if (!output) return [];
  const content = output.content as { evidenceBundle?: { summary: { consensus: unknown } } } | null;
  const result = content?.evidenceBundle ? content.evidenceBundle.summary.consensus : content;
  return [
    ["output", `${output.status}, ${showUsd(output.costUsd)}`],
    [content?.evidenceBundle ? "consensus" : "content", cut(showOnLine(result), columns - 15)],
  ];
}

function journal({ replicates }: RunDetails, columns: number, colors: Terminal["colors"]): string[] {
  if (replicates.length === 0) return [];
  const rows = replicates
    .slice(0, mostReplicates)
    .map(({ id, seed, costUsd, data }) => [
      `    ${id}`,
      colors.dim(`seed ${seed}`),
      showUsd(costUsd ?? null),
      cut(showOnLine(data), Math.max(20, columns - 45)),
    ]);
  const left = replicates.length - rows.length;
  return [
    `  ${colors.dim("journal")}`,
    ...toColumns(rows),
    ...(left > 0 ? [colors.dim(`    … and ${left} more; --json has all`)] : []),
  ];
}
