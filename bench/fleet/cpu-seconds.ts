import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** Seconds of CPU that parts of a measurement have used so far: its workers, the Postgres that it started, and its own process. */
export function cpuSeconds(workers: readonly number[]) {
  const processes = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => statOf(Number(pid)) ?? [])
      .map((stat) => [stat.pid, stat]),
  );
  const isOwn = ({ parent }: Stat): boolean => {
    const above = processes.get(parent);
    return parent === process.pid || (above !== undefined && isOwn(above));
  };
  const sum = (fits: (stat: Stat) => boolean) =>
    [...processes.values()].filter(fits).reduce((total, { seconds }) => total + seconds, 0);
  return {
    workers: sum(({ pid }) => workers.includes(pid)),
    postgres: sum((stat) => stat.name === "postgres" && isOwn(stat)),
    own: sum(({ pid }) => pid === process.pid),
  };
}

interface Stat {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly seconds: number;
}

/** A process may end while it is looked at. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
    const seconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    return { pid, name, parent: Number(fields[1]), seconds };
  } catch {
    return undefined;
  }
}
