import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The viewer is one script and one style: `steer serve` gives them out, and `steer view` writes them into a file. */
export default defineConfig({
  root: here("."),
  base: "./",
  resolve: { alias: { "node:crypto": here("src/data/sha256.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // While the viewer is changed, a service beside it answers.
  server: { proxy: { "/v1": { target: "http://127.0.0.1:4242", changeOrigin: true } } },
  build: {
    outDir: here("../dist/viewer"),
    emptyOutDir: true,
    target: "es2024",
    modulePreload: false,
    license: { fileName: "licenses.md" },
    rollupOptions: {
      output: { entryFileNames: "viewer.js", assetFileNames: "viewer[extname]", codeSplitting: false },
    },
  },
});
