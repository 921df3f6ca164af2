import { readdirSync } from "node:fs";

/**
 * The layers of ARCHITECTURE.md. A file imports only from lower layers or its own folder; folders of one layer never
 * import each other. Type imports count.
 */
const layers = [
  ["core"],
  ["contract"],
  ["evidence", "guard", "planning", "provider", "schema", "telemetry", "store"],
  ["calibration", "tool"],
  ["orchestrate"],
  ["mcp", "queue"],
  ["server"],
  ["cli", "testing"],
];

const unplaced = readdirSync("src", { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "stores" && !layers.flat().includes(entry.name))
  .map(({ name }) => name);
if (unplaced.length > 0) throw new Error(`No layer is named for src/${unplaced.join(", src/")}.`);

const inside = (folders) => `^src/(${folders.join("|")})/`;

/** For each folder: everything that stands beside it or above it. */
const layerRules = layers.flatMap((folders, layer) =>
  folders.map((folder) => ({
    name: `layer-${layer}-${folder}`,
    comment: `src/${folder}/ is layer ${layer}: it imports from lower layers and itself only.`,
    severity: "error",
    from: { path: inside([folder]) },
    to: { path: `${inside(layers.slice(layer).flat())}|^src/[^/]+[.]ts$|^src/stores/`, pathNot: inside([folder]) },
  })),
);

export default {
  forbidden: [
    ...layerRules,
    {
      name: "wings-tool",
      comment: "What can be run knows nothing of how it is run: its context brings the guarded call and the journal.",
      severity: "error",
      from: { path: "^src/tool/" },
      to: { path: "^src/(guard|store|planning|orchestrate)/" },
    },
    {
      name: "wings-orchestrate",
      comment:
        "The one door between the wings: how things are run knows the registry, and the agents and signals made into tools.",
      severity: "error",
      from: { path: "^src/orchestrate/" },
      to: { path: "^src/tool/", pathNot: "^src/tool/(registry|agents-tool|signals)[.]ts$" },
    },
    {
      name: "no-circle",
      comment: "Two files that need each other to run are one file, or need a third. Types may speak of each other.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-stranger",
      comment:
        "What the package imports is a dependency or an optional peer, and resolves; but for provider packages, of which a user installs one.",
      severity: "error",
      from: { path: "^src/" },
      to: { couldNotResolve: true, pathNot: "^(@ai-sdk|@openrouter)/" },
    },
    {
      name: "no-development-dependency",
      comment: "The package runs where devDependencies are absent. Optional peers are found when they are used.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "npm-optional", "type-only"] },
    },
    {
      name: "tests-stay-outside",
      comment: "What is shipped imports nothing from tests, benchmarks, scripts or examples.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|scripts|examples|viewer)/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
