// The page's build: everything relative, so that the output works in any folder of any static server.
//   npm run page

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { digitsFile } from "./digits-file.js";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** With these a page may share memory between threads; without them one thread does the work. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Packing the digits takes most of the build, and may. */
const quiet = { checks: { bundlerTimings: false } };

// Vite reads the default export of its config.
export default defineConfig({
  root: at("."),
  base: "./",
  plugins: [digitsFile()],
  worker: { format: "es", plugins: () => [digitsFile()], rolldownOptions: quiet },
  resolve: {
    alias: {
      "optspec/runtime": at("../../src/runtime/index.ts"),
      "optspec/cpu": at("../../src/runtime/cpu/index.ts"),
      "optspec/webgpu": at("../../src/runtime/webgpu/index.ts"),
    },
  },
  build: {
    outDir: at("out"),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: quiet,
  },
  preview: { headers },
});
