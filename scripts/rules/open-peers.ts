import manifest from "../../package.json" with { type: "json" };

/** Peer packages whose range has no upper bound: a major release that changes what is called would be installed with this one. */
export function findOpenPeers(peers: Readonly<Record<string, string>> = manifest.peerDependencies): string[] {
  return Object.entries(peers)
    .filter(([, range]) => !range.split("||").every(isBounded))
    .map(
      ([name, range]) => `package.json: the peer ${name} is ${range}, which has no upper bound. Write >=3 <5, or ^3`,
    );
}

/** Tells whether one alternative of a range ends: `^1.2.0`, `~1.2`, `1.2.3`, `1.x`, `1 - 2`, `>=1 <3`. */
function isBounded(range: string): boolean {
  const parts = range.trim().split(/\s+/);
  return parts.some((part) => /^(?:[~^=v]?\d|<)/.test(part));
}
