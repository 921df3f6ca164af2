/**
 * Checks what the package brings to those who install it: licences, install scripts, known vulnerabilities. Prints a row
 * for each runtime package, and fails for a licence that is not permissive, an install script, or a vulnerability.
 */
import { spawnSync } from "node:child_process";
import lock from "../package-lock.json" with { type: "json" };

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
}

const permissive = /^(MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|BlueOak-1\.0\.0|Unicode-3\.0|\(MIT OR [\w.-]+\)|MIT-0)$/;

const runtime = Object.entries(lock.packages as Record<string, Locked>)
  .filter(([path, { dev, devOptional, peer }]) => path !== "" && !dev && !devOptional && !peer)
  .map(([path, facts]) => ({ name: path.replace(/^.*node_modules\//, ""), ...facts }));

const faults = runtime.flatMap(({ name, license = "none named", hasInstallScript }) => [
  ...(permissive.test(license) ? [] : [`${name}: the licence ${license} is not on the list of permissive ones`]),
  ...(hasInstallScript ? [`${name}: has an install script`] : []),
]);
for (const { name, version, license } of runtime) console.log(`${name.padEnd(32)}${version?.padEnd(12)}${license}`);
console.log(`${runtime.length} runtime packages`);
faults.push(...vulnerabilities());
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

/** Known vulnerabilities, as the registry names them. A registry without that service is said, and is not a fault. */
function vulnerabilities(): string[] {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8" });
  const report = JSON.parse(stdout || "{}");
  if (report.metadata?.vulnerabilities === undefined) {
    console.log("Vulnerabilities were not looked up: the registry in use has no such service.");
    return [];
  }
  const { total } = report.metadata.vulnerabilities;
  console.log(`${total} known vulnerabilities`);
  return total === 0 ? [] : [`${total} known vulnerabilities: see npm audit --omit=dev`];
}
