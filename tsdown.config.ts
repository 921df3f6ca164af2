import { defineConfig } from "tsdown";
import manifest from "./package.json" with { type: "json" };
import { buildViewer } from "./scripts/build-viewer.ts";

/** What package.json names is what is built: `./dist/stores/sqlite.js` comes from `src/stores/sqlite.ts`. */
const built = [...Object.values(manifest.exports), ...Object.values(manifest.bin)].filter((path) =>
  path.endsWith(".js"),
);
const nameOf = (path: string) => path.replace(/^(\.\/)?dist\//, "").replace(/\.js$/, "");

export default defineConfig({
  entry: Object.fromEntries(built.map((path) => [nameOf(path), `src/${nameOf(path)}.ts`])),
  format: "esm",
  platform: "node",
  target: "node22.18",
  fixedExtension: false,
  dts: true,
  sourcemap: true,
  clean: true,
  // A folder of its own, so that no shared chunk takes the name of an entry.
  outputOptions: { chunkFileNames: "shared/[name].js" },
  onSuccess: buildViewer,
});
